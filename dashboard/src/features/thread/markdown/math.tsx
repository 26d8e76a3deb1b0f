/** Math in answers. KaTeX is loaded when math is shown for the first time. */
import { memo, useMemo } from "react";
import { INCOMPLETE_MATH } from "@/markdown/math-blocks";
import { copyMathAsSource } from "./copy-math";
import { ScrollArea } from "./scroll-area";
import { createLazy, useLazy } from "./use-lazy";

type Katex = typeof import("katex");

/** Loads KaTeX with its styles and fonts. */
export const katex = createLazy(async (): Promise<Katex> => {
  const [module] = await Promise.all([import("katex"), import("katex/dist/katex.min.css")]);
  copyMathAsSource();
  return module;
});

/** Returns the HTML of math, or null if KaTeX is not loaded or does not support the source. */
function render({ renderToString }: Katex, source: string, displayMode: boolean): string | null {
  try {
    // The defaults allow no links, images, or raw HTML in the source.
    return renderToString(source, { displayMode, strict: "ignore", maxSize: 40, maxExpand: 500 });
  } catch {
    return null;
  }
}

function useMath(source: string, isDisplay: boolean): string | null {
  const module = useLazy(katex);
  return useMemo(() => module && render(module, source, isDisplay), [module, source, isDisplay]);
}

/** Returns the source of math, without the end that is added to incomplete math. */
function readSource(source: string): { readonly shown: string; readonly isIncomplete: boolean } {
  const isIncomplete = source.endsWith(INCOMPLETE_MATH);
  const shown = isIncomplete ? source.slice(0, -INCOMPLETE_MATH.length).trimEnd() : source;
  return { shown, isIncomplete };
}

/** Math within a line. It is shown as its source if it is incomplete or cannot be rendered. */
export const MathText = memo(function MathText({ source }: { source: string }) {
  const { shown, isIncomplete } = readSource(source);
  const html = useMath(isIncomplete ? "" : shown, false);
  if (isIncomplete || html === null) return <code dir="ltr">{shown}</code>;
  // biome-ignore lint/security/noDangerouslySetInnerHtml: KaTeX escapes the source.
  return <span dir="ltr" data-math="" dangerouslySetInnerHTML={{ __html: html }} />;
});

/** Math in a line of its own, which scrolls if it is too wide. */
export const MathBlock = memo(function MathBlock({ source }: { source: string }) {
  const { shown, isIncomplete } = readSource(source);
  const html = useMath(isIncomplete ? "" : shown, true);
  if (isIncomplete || html === null)
    return (
      <code dir="ltr" data-math-source="">
        {shown}
      </code>
    );
  return (
    <ScrollArea as="span" dir="ltr">
      {/* biome-ignore lint/security/noDangerouslySetInnerHtml: KaTeX escapes the source. */}
      <span data-math="display" dangerouslySetInnerHTML={{ __html: html }} />
    </ScrollArea>
  );
});

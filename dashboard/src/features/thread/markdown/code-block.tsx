import { Download, WrapText } from "lucide-react";
import { lazy, memo, type ReactNode, Suspense, useMemo, useRef, useState } from "react";
import { TextButton } from "@/components/ui/button";
import { saveText } from "@/download";
import { texts } from "@/texts";
import { CopyButton } from "../answer/copy-button";
import { UNFOLD } from "../scroll/navigation";
import { codeFileName, codeName } from "./code-file-name";
import { tokenClasses, tokenize } from "./highlight";
import { ScrollArea } from "./scroll-area";
import { useFolding } from "./use-folding";

const DiffCode = lazy(async () => ({ default: (await import("../diff/diff-code")).DiffCode }));

const isDiff = (language: string | undefined) => language === "diff" || language === "patch";

/** Highlighted code without a frame. */
const Code = memo(function Code(props: { code: string; language: string | undefined }) {
  const tokens = useMemo(() => tokenize(props.code, props.language), [props.code, props.language]);
  return (
    <code>
      {tokens.map(({ kind, text }, index) =>
        kind === "plain" ? (
          text
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: all tokens are replaced together.
          <span key={index} className={tokenClasses[kind]}>
            {text}
          </span>
        ),
      )}
    </code>
  );
});

/**
 * An independently scrolling code block with a name and a copy button. The header stays visible while
 * the thread scrolls through the block.
 */
export const CodeBlock = memo(function CodeBlock(props: {
  code: string;
  language: string | undefined;
  name: string | undefined;
  /** A remark about the code, such as why it is not shown as a diagram. */
  note?: string | undefined;
  /** Buttons before the copy button. */
  actions?: ReactNode;
  /** Whether long code is folded unless it is being streamed. */
  isFoldable?: boolean;
  isStreaming?: boolean;
  /** Whether the end of the code is missing. The code cannot be downloaded yet. */
  isIncomplete?: boolean;
}) {
  const { code, language, isFoldable = false, isStreaming = false } = props;
  const label = codeName(props.name) || language || texts.thread.code;
  const frame = useRef<HTMLDivElement>(null);
  const [isWrapped, setWrapped] = useState(false);
  const folding = useFolding(code, isFoldable, isStreaming);
  const plain = <Code code={code} language={language} />;

  function toggleFold() {
    frame.current?.dispatchEvent(new Event(UNFOLD, { bubbles: true }));
    folding.toggle();
    // The block may now end above the visible part of the thread.
    if (!folding.isFolded)
      requestAnimationFrame(() => frame.current?.scrollIntoView({ block: "nearest" }));
  }

  return (
    <div ref={frame} className="frame code-block" data-wrapped={isWrapped ? "" : undefined}>
      <div
        data-code-header=""
        className="code-header flex select-none h-8 items-center justify-between gap-3 border-line border-b ps-3 pe-2"
      >
        <span className="truncate text-ink-3 text-small">
          {label}
          {props.note && ` · ${props.note}`}
        </span>
        <span className="flex shrink-0 items-center gap-2">
          {props.actions}
          <button
            type="button"
            data-wrap-lines=""
            aria-pressed={isWrapped}
            aria-label={texts.reading.wrapLines}
            title={texts.reading.wrapLines}
            onClick={() => setWrapped(!isWrapped)}
            className="tap rounded px-1 py-0.5 text-ink-3 hover:text-ink aria-pressed:text-accent"
          >
            <WrapText size={14} aria-hidden="true" />
          </button>
          <button
            type="button"
            disabled={props.isIncomplete}
            aria-label={texts.reading.downloadCode}
            title={texts.reading.downloadCode}
            onClick={() => saveText(code, codeFileName(props.name, language))}
            className="tap rounded px-1 py-0.5 text-ink-3 hover:text-ink disabled:opacity-40 disabled:hover:text-ink-3"
          >
            <Download size={14} aria-hidden="true" />
          </button>
          <CopyButton text={code} />
        </span>
      </div>
      <div {...folding.properties}>
        <ScrollArea dir="ltr">
          <pre>
            {isDiff(language) ? (
              <Suspense fallback={plain}>
                <DiffCode code={code} />
              </Suspense>
            ) : (
              plain
            )}
          </pre>
        </ScrollArea>
      </div>
      {folding.isLong && (
        <div className="border-line border-t px-3 py-1.5 print:hidden">
          <TextButton aria-expanded={!folding.isFolded} className="text-small" onClick={toggleFold}>
            {folding.isFolded ? texts.diff.showAll(folding.lineCount) : texts.diff.showLess}
          </TextButton>
        </div>
      )}
    </div>
  );
});

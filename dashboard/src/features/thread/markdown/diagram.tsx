/** Diagrams in answers. Mermaid is loaded when a diagram is shown for the first time. */
import { Maximize2 } from "lucide-react";
import { memo, useEffect, useState } from "react";
import { texts } from "@/texts";
import { CodeBlock } from "./code-block";
import { drawDiagram, findDrawing, useIsDark } from "./diagram-drawing";
import { DiagramViewer } from "./diagram-viewer";
import { ScrollArea } from "./scroll-area";
import { SvgImage } from "./svg-image";

/** The smallest scale at which the labels of a diagram are legible. A wider diagram scrolls. */
const MIN_SCALE = 0.5;

const button =
  "tap inline-flex items-center gap-1.5 rounded px-1 text-ink-3 text-small hover:text-ink";

/** Returns the SVG of a diagram, null until it is drawn, or undefined if it cannot be drawn. */
function useDrawing(source: string): string | null | undefined {
  const isDark = useIsDark();
  const [drawn, setDrawn] = useState<{ source: string; svg: string | undefined } | null>(null);
  const known = findDrawing(source, isDark);
  useEffect(() => {
    if (known !== undefined) return;
    let isMounted = true;
    drawDiagram(source, isDark).then(
      (svg) => isMounted && setDrawn({ source, svg }),
      () => isMounted && setDrawn({ source, svg: undefined }),
    );
    return () => {
      isMounted = false;
    };
  }, [source, isDark, known]);
  if (known !== undefined) return known;
  // While a diagram is drawn in another theme, the previous drawing stays.
  return drawn?.source === source ? drawn.svg : null;
}

/** A diagram with its source on demand. The source is also shown if the diagram is invalid. */
export const Diagram = memo(function Diagram({ source }: { source: string }) {
  const svg = useDrawing(source);
  const [isSource, setSource] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const note = svg === undefined ? texts.reading.invalidDiagram : undefined;
  if (!svg) return <CodeBlock code={source} language="mermaid" name={undefined} note={note} />;

  const toggle = (
    <button type="button" className={button} onClick={() => setSource(!isSource)}>
      {isSource ? texts.reading.showDiagram : texts.reading.showSource}
    </button>
  );
  if (isSource)
    return <CodeBlock code={source} language="mermaid" name={undefined} actions={toggle} />;
  return (
    <div className="frame">
      <div
        data-code-header=""
        className="flex h-8 select-none items-center justify-between gap-3 border-line border-b ps-3 pe-2"
      >
        <span className="truncate text-ink-3 text-small">{texts.reading.diagram}</span>
        <span className="flex items-center gap-2">
          {toggle}
          <button type="button" className={button} onClick={() => setOpen(true)}>
            <Maximize2 size={13} aria-hidden="true" />
            {texts.reading.zoom}
          </button>
        </span>
      </div>
      {/* The drawing cannot leave this element, whatever its styles are. */}
      <div dir="ltr" data-diagram="" className="overflow-hidden p-3 [contain:content]">
        <ScrollArea dir="ltr">
          <SvgImage
            svg={svg}
            label={texts.reading.diagram}
            className="mx-auto block max-w-full"
            minScale={MIN_SCALE}
          />
        </ScrollArea>
      </div>
      {isOpen && <DiagramViewer svg={svg} onClose={() => setOpen(false)} />}
    </div>
  );
});

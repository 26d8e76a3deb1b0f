import { Minus, Plus, X } from "lucide-react";
import { useLayoutEffect, useRef, useState } from "react";
import { IconButton } from "@/components/ui/button";
import { useModal } from "@/components/ui/use-modal";
import { texts } from "@/texts";
import { SvgImage } from "./svg-image";

const MIN_SCALE = 0.01;
const MAX_SCALE = 8;
/** The factor of a zoom button. */
const STEP = 1.25;
/** The space around the diagram, in pixels. */
const MARGIN = 32;

const limit = (scale: number) => Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale));

/**
 * A diagram in a dialog that fills the page. It is zoomed with buttons, `+` and `-`, or the wheel
 * with Ctrl, and is moved by scrolling or dragging.
 */
export function DiagramViewer({ svg, onClose }: { svg: string; onClose: () => void }) {
  const dialog = useModal();
  const area = useRef<HTMLDivElement>(null);
  const [scale, setScale] = useState(1);
  const zoom = (factor: number) => setScale((current) => limit(current * factor));

  // The diagram fits the dialog at first.
  useLayoutEffect(() => {
    const element = area.current;
    const image = element?.querySelector<HTMLElement>("[role=img]");
    if (!element || !image?.offsetWidth) return;
    const width = (element.clientWidth - 2 * MARGIN) / image.offsetWidth;
    const height = (element.clientHeight - 2 * MARGIN) / image.offsetHeight;
    setScale(limit(Math.min(width, height, 2)));
  }, []);

  // React's wheel events are passive, so they cannot prevent the browser from zooming the page.
  useLayoutEffect(() => {
    const element = area.current;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      setScale((current) => limit(current * Math.exp(-event.deltaY / 300)));
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  }, []);

  return (
    <dialog
      ref={dialog}
      aria-label={texts.reading.diagram}
      onCancel={onClose}
      onKeyDown={(event) => {
        if (event.key === "+" || event.key === "=") zoom(STEP);
        else if (event.key === "-") zoom(1 / STEP);
        else return;
        event.preventDefault();
      }}
      className="m-auto h-[calc(100%-24px)] max-h-none w-[calc(100%-24px)] max-w-none animate-rise overflow-hidden rounded-[18px] border border-line bg-surface p-0 text-ink shadow-high backdrop:bg-black/40"
    >
      <div className="flex h-full flex-col">
        <div className="flex items-center justify-end gap-1 border-line border-b p-2">
          <IconButton label={texts.reading.zoomOut} onClick={() => zoom(1 / STEP)}>
            <Minus size={16} aria-hidden="true" />
          </IconButton>
          <span aria-live="polite" className="w-12 text-center text-ink-2 text-small tabular-nums">
            {texts.reading.zoomLevel(scale)}
          </span>
          <IconButton label={texts.reading.zoomIn} onClick={() => zoom(STEP)}>
            <Plus size={16} aria-hidden="true" />
          </IconButton>
          <IconButton label={texts.reading.close} onClick={onClose}>
            <X size={16} aria-hidden="true" />
          </IconButton>
        </div>
        <div
          ref={area}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be focusable.
          tabIndex={0}
          dir="ltr"
          onPointerDown={startDrag}
          className="min-h-0 flex-1 cursor-grab overflow-auto [contain:strict] active:cursor-grabbing"
        >
          <div className="grid min-h-full w-max min-w-full place-items-center p-8">
            <SvgImage svg={svg} label={texts.reading.diagram} scale={scale} />
          </div>
        </div>
      </div>
    </dialog>
  );
}

/** Scrolls the element while the mouse is dragged. Other devices scroll on their own. */
function startDrag(event: React.PointerEvent<HTMLDivElement>): void {
  if (event.pointerType !== "mouse" || event.button !== 0) return;
  const element = event.currentTarget;
  const left = element.scrollLeft + event.clientX;
  const top = element.scrollTop + event.clientY;
  const move = ({ clientX, clientY }: PointerEvent) =>
    element.scrollTo(left - clientX, top - clientY);
  element.setPointerCapture(event.pointerId);
  element.addEventListener("pointermove", move);
  element.addEventListener(
    "lostpointercapture",
    () => element.removeEventListener("pointermove", move),
    { once: true },
  );
}

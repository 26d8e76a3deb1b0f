import { ChevronLeft, ChevronRight, Download, Minus, Plus, X } from "lucide-react";
import { useId, useLayoutEffect, useRef, useState } from "react";
import type { Attachment } from "@/api/models";
import { IconButton } from "@/components/ui/button";
import { useModal } from "@/components/ui/use-modal";
import { hasModifier } from "@/keyboard";
import { texts } from "@/texts";
import { addressOf } from "../attachment";
import { LightboxImage } from "./lightbox-image";
import { useGestures } from "./use-gestures";
import { useSize } from "./use-size";
import { FITTED, fitSize, moveTo, type Point, STEP, toggleCloseUp, zoomAt } from "./zoom";

/** The distance that an arrow key moves a zoomed image, in CSS pixels. */
const KEY_PX = 80;
const CENTER: Point = { x: 0, y: 0 };
/** The size of images whose size is not known until they are loaded, in pixels. */
const UNKNOWN = { width: 320, height: 240 };

const keyDistances: Readonly<Record<string, Point>> = {
  ArrowUp: { x: 0, y: KEY_PX },
  ArrowDown: { x: 0, y: -KEY_PX },
  ArrowLeft: { x: KEY_PX, y: 0 },
  ArrowRight: { x: -KEY_PX, y: 0 },
};

/**
 * Images in a dialog that fills the page.
 *
 * - Zoom: the wheel, pinch, double click or double tap, `+`, `-`, and `0`.
 * - Move a zoomed image: drag, `Shift` with the arrow keys, `↑`, and `↓`.
 * - Other images: `←` and `→`, `Home` and `End`, or a swipe.
 * - Close: `Esc`, a swipe down, or a click next to the image.
 */
export function Lightbox(props: {
  images: readonly Attachment[];
  start: number;
  onClose: () => void;
}) {
  const { images, onClose } = props;
  const dialog = useModal();
  const closeButton = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => closeButton.current?.focus(), []);
  const titleId = useId();
  const stage = useRef<HTMLDivElement>(null);
  const stageSize = useSize(stage);
  const [index, setIndex] = useState(props.start);
  const [view, setView] = useState(FITTED);
  const [isAnimated, setAnimated] = useState(false);
  const [swipe, setSwipe] = useState<Point | null>(null);
  /** The sizes of loaded images, by ID. The browser rotates photos, and the server does not. */
  const [loaded, setLoaded] = useState<Readonly<Record<string, typeof UNKNOWN>>>({});
  const image = images[index];
  const known = image?.width && image.height ? { width: image.width, height: image.height } : null;
  const size = loaded[image?.id ?? ""] ?? known ?? UNKNOWN;
  const room = stageSize ?? UNKNOWN;
  const sizes = { image: size, fitted: fitSize(size, room), stage: room };
  const hasPrevious = index > 0;
  const hasNext = index < images.length - 1;

  function show(next: number) {
    if (next < 0 || next >= images.length) return;
    setIndex(next);
    setView(FITTED);
    setAnimated(false);
  }
  function zoom(factor: number) {
    setAnimated(true);
    setView((current) => zoomAt(current, factor, CENTER, sizes));
  }
  function reset() {
    setAnimated(true);
    setView(FITTED);
  }
  function pan({ x, y }: Point, isSmooth: boolean) {
    setAnimated(isSmooth);
    setView((current) => moveTo(current, { x: current.x + x, y: current.y + y }, sizes));
  }
  /** Shows the image to the left or right of the current one. */
  function showBeside(side: "left" | "right") {
    const isRtl = dialog.current?.matches(":dir(rtl)") === true;
    show(index + (side === (isRtl ? "left" : "right") ? 1 : -1));
  }

  useGestures(stage, {
    isZoomed: view.scale > 1,
    onZoom(factor, point, by) {
      setAnimated(false);
      setView((current) => {
        const moved = { ...current, x: current.x + by.x, y: current.y + by.y };
        return zoomAt(moved, factor, point, sizes);
      });
    },
    onPan: (by) => pan(by, false),
    onDoublePress(point) {
      setAnimated(true);
      setView((current) => toggleCloseUp(current, point, sizes));
    },
    onSwipe(distance) {
      setAnimated(distance === null);
      setSwipe(distance);
    },
    onSwiped(direction) {
      if (direction === "down") onClose();
      else showBeside(direction === "left" ? "right" : "left");
    },
  });

  function onKeyDown(event: React.KeyboardEvent) {
    if (hasModifier(event) || event.altKey) return;
    const distance = keyDistances[event.key];
    if (event.key === "+" || event.key === "=") zoom(STEP);
    else if (event.key === "-") zoom(1 / STEP);
    else if (event.key === "0") reset();
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(images.length - 1);
    else if (distance && (event.shiftKey || distance.x === 0)) pan(distance, true);
    else if (event.key === "ArrowLeft") showBeside("left");
    else if (event.key === "ArrowRight") showBeside("right");
    else return;
    event.preventDefault();
  }

  if (!image) return null;
  const x = view.x + (swipe?.x ?? 0);
  const y = view.y + (swipe?.y ?? 0);
  const fade = swipe ? Math.min(0.6, swipe.y / 400) : 0;
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      onCancel={onClose}
      onKeyDown={onKeyDown}
      className="m-0 h-full max-h-none w-full max-w-none animate-rise overflow-hidden bg-transparent p-0 text-ink backdrop:bg-transparent"
    >
      <div className="flex h-full flex-col pt-[env(safe-area-inset-top)] pb-[env(safe-area-inset-bottom)]">
        <div
          className="absolute inset-0 -z-10 bg-bg"
          style={fade > 0 ? { opacity: 1 - fade } : undefined}
        />
        <div className="flex items-center gap-1 ps-4 pe-2 pt-2 pb-2">
          <div aria-live="polite" className="min-w-0 flex-1">
            <h2 id={titleId} className="truncate font-[570] text-note">
              <bdi>{image.name}</bdi>
            </h2>
            {images.length > 1 && (
              <p className="text-ink-2 text-small tabular-nums">
                {texts.lightbox.position(index + 1, images.length)}
              </p>
            )}
          </div>
          <a
            href={addressOf(image)}
            download={image.name}
            aria-label={texts.files.download(image.name)}
            title={texts.files.download(image.name)}
            className="grid size-9 shrink-0 place-items-center rounded-[10px] text-ink-2 hover:bg-hover hover:text-ink pointer-coarse:size-10"
          >
            <Download size={17} aria-hidden="true" />
          </a>
          <IconButton label={texts.reading.close} onClick={onClose} ref={closeButton}>
            <X size={18} aria-hidden="true" />
          </IconButton>
        </div>
        {/* biome-ignore lint/a11y/noStaticElementInteractions: the close button does the same. */}
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same. */}
        <div
          ref={stage}
          onClick={({ target }) => target === stage.current && view.scale === 1 && onClose()}
          className={`grid min-h-0 flex-1 touch-none select-none place-items-center overflow-hidden ${view.scale > 1 ? "cursor-grab active:cursor-grabbing" : ""}`}
        >
          {stageSize && (
            <LightboxImage
              key={image.id}
              image={image}
              size={sizes.fitted}
              transform={`translate(${x}px, ${y}px) scale(${view.scale})`}
              isAnimated={isAnimated}
              onLoad={(natural) => setLoaded((all) => ({ ...all, [image.id]: natural }))}
            />
          )}
        </div>
        <div className="flex items-center justify-center gap-1 p-2">
          {images.length > 1 && (
            <IconButton
              label={texts.lightbox.previous}
              disabled={!hasPrevious}
              onClick={() => show(index - 1)}
              className="me-3"
            >
              <ChevronLeft size={20} aria-hidden="true" className="rtl:-scale-x-100" />
            </IconButton>
          )}
          <IconButton label={texts.reading.zoomOut} onClick={() => zoom(1 / STEP)}>
            <Minus size={16} aria-hidden="true" />
          </IconButton>
          <button
            type="button"
            title={texts.lightbox.reset}
            onClick={reset}
            className="h-9 w-14 rounded-[10px] text-center text-ink-2 text-small tabular-nums hover:bg-hover hover:text-ink pointer-coarse:h-10"
          >
            {texts.reading.zoomLevel(view.scale)}
          </button>
          <IconButton label={texts.reading.zoomIn} onClick={() => zoom(STEP)}>
            <Plus size={16} aria-hidden="true" />
          </IconButton>
          {images.length > 1 && (
            <IconButton
              label={texts.lightbox.next}
              disabled={!hasNext}
              onClick={() => show(index + 1)}
              className="ms-3"
            >
              <ChevronRight size={20} aria-hidden="true" className="rtl:-scale-x-100" />
            </IconButton>
          )}
        </div>
      </div>
    </dialog>
  );
}

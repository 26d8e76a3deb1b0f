import { type KeyboardEvent, type PointerEvent, useRef } from "react";
import { changePreferences } from "@/preferences";
import { texts } from "@/texts";
import { clampWidth, MAX_WIDTH, MIN_WIDTH } from "./sidebar-width";

/** The default width on wide screens, in pixels. */
const DEFAULT_WIDTH = 320;

/** How far an arrow key moves the border, in pixels. */
const STEP = 16;

/**
 * The border between the sidebar and the view. Dragging it or pressing arrow keys resizes the
 * sidebar. A double click restores the default width.
 */
export function SidebarResizer(props: { width: number | null }) {
  const border = useRef<HTMLDivElement>(null);
  /** The width that was dragged to, in pixels; null if the pointer has not moved. */
  const dragged = useRef<number | null>(null);
  const isRtl = () => getComputedStyle(document.documentElement).direction === "rtl";

  /** Returns the sidebar's width on the screen. */
  function measure(): number {
    return border.current?.closest("[data-sidebar]")?.getBoundingClientRect().width ?? MIN_WIDTH;
  }

  const resize = (width: number) => changePreferences({ sidebarWidth: clampWidth(width) });

  function onPointerDown(event: PointerEvent<HTMLDivElement>) {
    if (event.button !== 0) return;
    // Do not select text while dragging.
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
  }

  /** Shows the new width without storing it, because the pointer moves often. */
  function onPointerMove(event: PointerEvent<HTMLDivElement>) {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const sidebar = border.current?.closest("[data-sidebar]")?.getBoundingClientRect();
    if (!sidebar) return;
    const width = isRtl() ? sidebar.right - event.clientX : event.clientX - sidebar.left;
    dragged.current = clampWidth(width);
    event.currentTarget
      .closest<HTMLElement>("[data-layout]")
      ?.style.setProperty("--sidebar-width", `${dragged.current}px`);
  }

  function onLostPointerCapture() {
    if (dragged.current !== null) resize(dragged.current);
    dragged.current = null;
  }

  function onKeyDown(event: KeyboardEvent) {
    const outward = isRtl() ? "ArrowLeft" : "ArrowRight";
    const inward = isRtl() ? "ArrowRight" : "ArrowLeft";
    const width = {
      [outward]: measure() + STEP,
      [inward]: measure() - STEP,
      Home: MIN_WIDTH,
      End: MAX_WIDTH,
    }[event.key];
    if (width === undefined) return;
    event.preventDefault();
    resize(width);
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: an hr cannot be operated.
    <div
      ref={border}
      role="separator"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={texts.sidebar.resize}
      aria-valuemin={MIN_WIDTH}
      aria-valuemax={MAX_WIDTH}
      aria-valuenow={props.width ?? DEFAULT_WIDTH}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onLostPointerCapture={onLostPointerCapture}
      onKeyDown={onKeyDown}
      onDoubleClick={() => changePreferences({ sidebarWidth: null })}
      className="absolute inset-y-0 -end-1 z-10 w-2 cursor-col-resize touch-none after:absolute after:inset-y-0 after:start-[3px] after:w-0.5 after:transition-[background-color] after:duration-150 hover:after:bg-line-strong active:after:bg-accent focus-visible:outline-0 focus-visible:after:bg-accent max-md:hidden forced-colors:focus-visible:outline-2"
    />
  );
}

import { elementScroll, type Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { type Place, UNFOLD } from "./navigation";

/** The distance from the end at which the thread still counts as scrolled to its end. */
export const NEAR_PX = 48;
/** The rounding error of the browser's scroll positions. */
const ROUNDING_PX = 2;

/**
 * Keeps the thread at a place until the user scrolls. At first, that is the end, unless another
 * place is passed to `moveTo`. `findIndex` returns the index of the first row at or after a turn,
 * or -1 if there is none. While `isStill` is true, the virtualizer must not stay at the end.
 */
export function useThreadScroll(props: {
  scroller: RefObject<HTMLElement | null>;
  content: RefObject<HTMLElement | null>;
  virtualizer: Virtualizer<HTMLDivElement, Element>;
  /**
   * Whether the thread must not follow its end: the user has unfolded something whose new size is
   * not known yet, or is pressing something that must not move away before the pointer is released.
   */
  isStill: RefObject<boolean>;
  findIndex: (turn: number) => number;
}) {
  const { scroller, content, virtualizer, isStill } = props;
  const [isAtEnd, setAtEnd] = useState(true);
  const [isHeld, setHeld] = useState(true);
  const held = useRef<Place | null>({ kind: "end" });
  const isPressed = useRef(false);
  const last = useRef({ scrollTop: 0, scrollHeight: 0, clientHeight: 0 });
  const findIndex = useRef(props.findIndex);
  findIndex.current = props.findIndex;

  const remember = useCallback((element: HTMLElement) => {
    const { scrollTop, scrollHeight, clientHeight } = element;
    last.current = { scrollTop, scrollHeight, clientHeight };
    const distance = scrollHeight - scrollTop - clientHeight;
    setAtEnd(held.current?.kind === "end" || distance < NEAR_PX);
    setHeld(held.current !== null);
  }, []);

  /** Scrolls to the held place, if there is one. */
  const restore = useCallback(() => {
    const element = scroller.current;
    const place = held.current;
    if (!element || !place || isPressed.current) return;
    if (place.kind === "end") element.scrollTop = element.scrollHeight;
    else if (place.kind === "start") element.scrollTop = 0;
    else {
      const index = findIndex.current(place.turn);
      const row = content.current?.querySelector(`[data-index="${index}"]`);
      const distance = row
        ? (place.findTarget?.(row) ?? row.getBoundingClientRect()).top -
          element.getBoundingClientRect().top
        : // The row is not rendered, so its position is an estimate.
          (virtualizer.getOffsetForIndex(index, "start")?.[0] ?? 0) - element.scrollTop;
      const delta = distance - place.offset;
      if (index >= 0 && Math.abs(delta) > 1) element.scrollTop += delta;
    }
    remember(element);
  }, [scroller, content, virtualizer, remember]);

  /** Detects whether the user has scrolled. */
  const check = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop, scrollHeight, clientHeight } = element;
    const before = last.current;
    const distance = scrollHeight - scrollTop - clientHeight;
    const isResized = clientHeight !== before.clientHeight;
    const place = held.current;
    if (place && place.kind !== "end") {
      // If the layout changes, the position can change without the user scrolling.
      const isLaidOut = scrollHeight !== before.scrollHeight || isResized;
      if (!isLaidOut && Math.abs(scrollTop - before.scrollTop) > 1)
        held.current = distance <= ROUNDING_PX ? { kind: "end" } : null;
    } else if (distance <= ROUNDING_PX) held.current = { kind: "end" };
    else if (distance < NEAR_PX && scrollTop >= before.scrollTop) held.current = { kind: "end" };
    else if (scrollTop < before.scrollTop && scrollHeight >= before.scrollHeight && !isResized)
      held.current = null;
    remember(element);
  }, [scroller, remember]);

  /**
   * Scrolls for the virtualizer. When it corrects the position, the user has not scrolled, and the
   * thread stays at its end.
   */
  const scrollTo = useCallback<typeof elementScroll<HTMLDivElement>>(
    (offset, options, instance) => {
      const element = scroller.current;
      if (!element) return;
      // A position that has not been seen yet is the user's.
      if (element.scrollTop !== last.current.scrollTop) check();
      elementScroll(offset, options, instance);
      remember(element);
      if (held.current?.kind === "end" && options.behavior !== "smooth") restore();
    },
    [scroller, check, remember, restore],
  );

  /** Keeps the thread at a place from now on. */
  const moveTo = useCallback(
    (place: Place) => {
      held.current = place;
      restore();
    },
    [restore],
  );

  // Rendering and measuring rows can move the place. At the end, the observer is sufficient.
  useLayoutEffect(() => {
    check();
    if (held.current && held.current.kind !== "end") restore();
  });
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      isStill.current = isPressed.current;
      restore();
    });
    observer.observe(element);
    if (content.current) observer.observe(content.current);
    /**
     * Releases a turn, so that the position is not restored while the user scrolls. Also releases the
     * end if the user unfolds something, so that its start stays in view.
     */
    const release = ({ type }: Event) => {
      if (type === UNFOLD || held.current?.kind !== "end") held.current = null;
      setHeld(held.current !== null);
      if (type === UNFOLD) keepStill();
    };
    const keepStill = () => {
      isStill.current = true;
      virtualizer.options.scrollEndThreshold = -1;
      // The virtualizer retries when it could not get to the end.
      virtualizer.scrollToOffset(element.scrollTop);
    };
    const onPress = ({ target, isPrimary }: PointerEvent) => {
      // The browser does not report when a scroll bar is released.
      if (!isPrimary || target === element) return;
      isPressed.current = true;
      keepStill();
    };
    const onRelease = () => {
      if (!isPressed.current) return;
      // The click follows the release.
      setTimeout(() => {
        isPressed.current = false;
        if (held.current?.kind !== "end") return;
        isStill.current = false;
        restore();
      });
    };
    const events = ["wheel", "touchmove", "pointerdown", "keydown", UNFOLD] as const;
    for (const name of events) element.addEventListener(name, release, { passive: true });
    const releases = ["pointerup", "pointercancel", "blur"] as const;
    element.addEventListener("pointerdown", onPress, { passive: true });
    for (const name of releases) window.addEventListener(name, onRelease);
    return () => {
      observer.disconnect();
      element.removeEventListener("pointerdown", onPress);
      for (const name of releases) window.removeEventListener(name, onRelease);
      for (const name of events) element.removeEventListener(name, release);
    };
  }, [scroller, content, virtualizer, isStill, restore]);

  return { isAtEnd, isHeld, check, scrollTo, moveTo };
}

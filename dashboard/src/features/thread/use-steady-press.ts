import { type RefObject, useEffect } from "react";

/** The maximum distance in pixels that a pointer moves during a press. */
const TOLERANCE_PX = 10;

const PRESSABLE = "button, a[href], summary";

/**
 * Delivers each press in the container to the element on which it began. New text of an answer moves
 * what is below it. If that happens between pressing and releasing, browsers send the click to a
 * parent, or on touchscreens to the element that is below the finger by then.
 */
export function useSteadyPress(container: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = container.current;
    let press: Press | null = null;
    function onPointerDown(event: PointerEvent) {
      const target = event.isPrimary && event.button === 0 ? pressableOf(event.target) : null;
      press = target && { target, bounds: target.getBoundingClientRect(), event };
    }
    function onClick(event: MouseEvent) {
      const began = press;
      press = null;
      // The keyboard also causes clicks, with a count of 0.
      if (!began || event.detail === 0 || began.target.contains(event.target as Node)) return;
      if (!hasMoved(began) || distance(began.event, event) > TOLERANCE_PX) return;
      event.preventDefault();
      event.stopPropagation();
      const { ctrlKey, metaKey, shiftKey, altKey } = event;
      const keys = { ctrlKey, metaKey, shiftKey, altKey };
      began.target.dispatchEvent(
        new MouseEvent("click", { bubbles: true, cancelable: true, ...keys }),
      );
    }
    element?.addEventListener("pointerdown", onPointerDown);
    element?.addEventListener("click", onClick, { capture: true });
    return () => {
      element?.removeEventListener("pointerdown", onPointerDown);
      element?.removeEventListener("click", onClick, { capture: true });
    };
  }, [container]);
}

interface Press {
  target: HTMLElement;
  bounds: DOMRect;
  event: PointerEvent;
}

const pressableOf = (target: EventTarget | null) =>
  target instanceof Element ? target.closest<HTMLElement>(PRESSABLE) : null;

function hasMoved({ target, bounds }: Press): boolean {
  if (!target.isConnected) return false;
  const { left, top } = target.getBoundingClientRect();
  return left !== bounds.left || top !== bounds.top;
}

function distance(from: MouseEvent, to: MouseEvent): number {
  return Math.hypot(to.clientX - from.clientX, to.clientY - from.clientY);
}

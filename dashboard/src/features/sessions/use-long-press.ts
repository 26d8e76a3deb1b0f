import { type PointerEvent, useRef } from "react";

/** How long a finger must stay on an element, which is what phones use. */
const PRESS_MS = 500;
/** How far the finger may move in the meantime, in pixels. */
const MAX_MOVE = 10;

/**
 * Returns handlers that call `onPress` when a finger rests on the element. The click and the
 * browser's own menu that would follow are suppressed.
 */
export function useLongPress(onPress: () => void) {
  const press = useRef<{ timer: number; x: number; y: number } | null>(null);
  const isTouch = useRef(false);
  const isPressed = useRef(false);

  function end() {
    if (press.current) clearTimeout(press.current.timer);
    press.current = null;
  }

  return {
    onPointerDown(event: PointerEvent) {
      end();
      isPressed.current = false;
      isTouch.current = event.pointerType === "touch";
      if (!isTouch.current || !event.isPrimary) return;
      const timer = window.setTimeout(() => {
        press.current = null;
        isPressed.current = true;
        onPress();
      }, PRESS_MS);
      press.current = { timer, x: event.clientX, y: event.clientY };
    },
    onPointerMove({ clientX, clientY }: PointerEvent) {
      if (!press.current) return;
      const { x, y } = press.current;
      if (Math.hypot(clientX - x, clientY - y) > MAX_MOVE) end();
    },
    onPointerUp: end,
    onPointerCancel: end,
    onContextMenu(event: React.MouseEvent) {
      if (isTouch.current) event.preventDefault();
    },
    onClickCapture(event: React.MouseEvent) {
      if (!isPressed.current) return;
      isPressed.current = false;
      event.preventDefault();
      event.stopPropagation();
    },
  };
}

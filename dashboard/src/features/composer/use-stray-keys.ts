import { type RefObject, useEffect } from "react";
import { hasOverlay, isMod, isTouchOnly } from "@/keyboard";

/**
 * Takes what is typed while nothing else would: after a click on the conversation, or when the
 * button that was pressed is gone. The space bar stays with what scrolls or is pressed.
 *
 * An input method composes only in a field that has the focus before its first key. So a click on
 * what takes no input brings the focus here at once, and a key that begins a composition anyway
 * (`Process`, a dead key) moves it before the browser has handled that key.
 */
export function useStrayKeys(field: RefObject<HTMLTextAreaElement | null>): void {
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      if (event.defaultPrevented || !startsText(event) || hasOverlay()) return;
      const isTaken = event.target instanceof Element && event.target.closest(TAKES_TEXT) !== null;
      // The key goes on to whatever has the focus now.
      if (!isTaken) field.current?.focus();
    }
    function onClick({ target, defaultPrevented }: MouseEvent) {
      if (defaultPrevented || isTouchOnly() || hasOverlay()) return;
      const isSelecting = window.getSelection()?.isCollapsed === false;
      if (isSelecting || !(target instanceof Element) || !target.closest("main")) return;
      if (!target.closest(TAKES_CLICKS)) field.current?.focus({ preventScroll: true });
    }
    window.addEventListener("keydown", onKeyDown);
    window.addEventListener("click", onClick);
    return () => {
      window.removeEventListener("keydown", onKeyDown);
      window.removeEventListener("click", onClick);
    };
  }, [field]);
}

function startsText(event: KeyboardEvent): boolean {
  // 229: what browsers call the keys of an input method.
  const isComposed = event.isComposing || event.keyCode === 229 || event.key === "Process";
  if (isComposed || event.key === "Dead") return true;
  return event.key.length === 1 && event.key !== " " && !isMod(event) && !event.altKey;
}

const TAKES_TEXT = "input, textarea, select, [contenteditable]";
const TAKES_CLICKS = `${TAKES_TEXT}, a, button, summary, label, pre, [tabindex="0"]:not([role="log"])`;

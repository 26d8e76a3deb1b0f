import { type RefObject, useEffect } from "react";
import { hasModifier, hasOverlay, isTouchOnly } from "@/keyboard";

/**
 * Moves the focus to the field when the user types while no other field has the focus. The space
 * bar is excluded, because it scrolls the page and activates buttons.
 *
 * An IME starts a composition only in a field that already has the focus. Therefore, a click in the
 * main view outside of all controls also moves the focus.
 */
export function useTypeToFocus(field: RefObject<HTMLTextAreaElement | null>): void {
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      if (event.defaultPrevented || !startsText(event) || hasOverlay()) return;
      const isTaken = event.target instanceof Element && event.target.closest(TAKES_TEXT) !== null;
      // The browser delivers the key to the newly focused field.
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
  // 229 is the key code during an IME composition.
  const isComposed = event.isComposing || event.keyCode === 229 || event.key === "Process";
  if (isComposed || event.key === "Dead") return true;
  return event.key.length === 1 && event.key !== " " && !hasModifier(event) && !event.altKey;
}

const TAKES_TEXT = "input, textarea, select, [contenteditable]";
const TAKES_CLICKS = `${TAKES_TEXT}, a, button, summary, label, pre, [tabindex="0"]:not([role="log"])`;

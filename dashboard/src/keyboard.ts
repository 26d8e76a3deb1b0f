/** The keyboard shortcuts that work everywhere, and how this device names its keys. */
import { useEffect } from "react";

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** "⌘K" on a Mac, "Ctrl+K" elsewhere. */
export function nameKeys(...keys: readonly string[]): string {
  const names = keys.map((key) => {
    if (key === "Mod") return isMac ? "⌘" : "Ctrl";
    return key === "Shift" && isMac ? "⇧" : key;
  });
  return names.join(isMac ? "" : "+");
}

export function isMod(event: { ctrlKey: boolean; metaKey: boolean }): boolean {
  return event.ctrlKey || event.metaKey;
}

/** Whether a touch keyboard is all there is: its Enter breaks the line, as in any messaging app. */
export function isTouchOnly(): boolean {
  return window.matchMedia("(pointer: coarse) and (hover: none)").matches;
}

/** Whether something lies over the page that Escape should close first. */
export function hasOverlay(): boolean {
  return document.querySelector("dialog[open], :popover-open") !== null;
}

/** Calls `onKey` for each key that no one nearer has taken; composing text is not for it. */
export function useKeys(onKey: (event: KeyboardEvent) => void): void {
  useEffect(() => {
    function listen(event: KeyboardEvent) {
      if (!event.defaultPrevented && !event.isComposing && event.keyCode !== 229) onKey(event);
    }
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [onKey]);
}

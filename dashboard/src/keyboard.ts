/** Keyboard shortcuts, and the names of keys on this device. */
import { useEffect } from "react";
import { texts } from "./texts";

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The names of keys on a Mac that differ from those on other keyboards. */
const macNames: Readonly<Record<string, string>> = { Mod: "⌘", Shift: "⇧" };

/** Returns the name of a key combination: "⌘K" on a Mac, "Ctrl+K" elsewhere. */
export function formatKeys(...keys: readonly string[]): string {
  const known: Readonly<Record<string, string>> = texts.keys;
  const names = keys.map((key) => (isMac && macNames[key]) || (known[key] ?? key));
  return names.join(isMac ? "" : "+");
}

export function hasModifier(event: { ctrlKey: boolean; metaKey: boolean }): boolean {
  return event.ctrlKey || event.metaKey;
}

/** Returns whether any modifier key is pressed. */
export function hasAnyModifier(
  event: Pick<KeyboardEvent, "ctrlKey" | "metaKey" | "altKey" | "shiftKey">,
): boolean {
  return hasModifier(event) || event.altKey || event.shiftKey;
}

/**
 * Returns whether touch is the primary input, which suggests that there is no physical keyboard.
 */
export function isTouchOnly(): boolean {
  return window.matchMedia("(pointer: coarse) and (hover: none)").matches;
}

/** Returns whether a dialog or popover is open. */
export function hasOverlay(): boolean {
  return document.querySelector("dialog[open], :popover-open") !== null;
}

/**
 * Calls `onKey` for each key that no other handler has handled, except during an IME composition.
 */
export function useShortcuts(onKey: (event: KeyboardEvent) => void): void {
  useEffect(() => {
    function listen(event: KeyboardEvent) {
      if (!event.defaultPrevented && !event.isComposing && event.keyCode !== 229) onKey(event);
    }
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [onKey]);
}

/**
 * Returns whether a key press sends a message: Enter, or only with `Mod` unless `sendsOnEnter`. On
 * touch devices, Enter adds a line.
 */
export function isSendKey(
  event: Pick<KeyboardEvent, "key" | "shiftKey" | "altKey" | "ctrlKey" | "metaKey">,
  sendsOnEnter: boolean,
): boolean {
  if (event.key !== "Enter" || event.shiftKey || event.altKey) return false;
  return hasModifier(event) || (sendsOnEnter && !isTouchOnly());
}

import { type RefObject, useCallback } from "react";
import { hasOverlay, isMod, useKeys } from "@/keyboard";

/**
 * Takes what is typed while nothing else would: after a click on the conversation, or when the
 * button that was pressed is gone. The space bar stays with what scrolls or is pressed.
 */
export function useStrayKeys(field: RefObject<HTMLTextAreaElement | null>): void {
  const onKey = useCallback(
    (event: KeyboardEvent) => {
      if (event.key.length !== 1 || event.key === " " || isMod(event) || event.altKey) return;
      if (hasOverlay()) return;
      const isTaken = event.target instanceof Element && event.target.closest(TAKES_TEXT) !== null;
      // The key goes on to whatever has the focus now.
      if (!isTaken) field.current?.focus();
    },
    [field],
  );
  useKeys(onKey);
}

const TAKES_TEXT = "input, textarea, select, [contenteditable]";

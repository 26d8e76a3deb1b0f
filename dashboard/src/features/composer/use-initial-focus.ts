import { type RefObject, useLayoutEffect } from "react";
import { isTouchOnly } from "@/keyboard";

/** Whether no composer has been shown since the page was loaded. */
let isFirst = true;

/**
 * Moves the focus to the field when it appears. While the page is loading, the user may already be
 * typing in another field, which keeps the focus.
 */
export function useInitialFocus(
  field: RefObject<HTMLTextAreaElement | null>,
  isEnabled: boolean,
): void {
  useLayoutEffect(() => {
    const isTyping = isFirst && document.activeElement?.matches("input, textarea");
    isFirst = false;
    if (isEnabled && !isTyping && !isTouchOnly()) field.current?.focus();
  }, [field, isEnabled]);
}

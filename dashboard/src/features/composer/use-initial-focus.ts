import { type RefObject, useLayoutEffect } from "react";
import { isTouchOnly } from "@/keyboard";

/** The URL that was loaded; null once a composer has been shown. */
let loadedUrl: string | null = window.location.href;

/**
 * Moves the focus to the field when it appears. If the page has only just been loaded, an element
 * to which the user has already moved the focus keeps it.
 */
export function useInitialFocus(
  field: RefObject<HTMLTextAreaElement | null>,
  isEnabled: boolean,
): void {
  useLayoutEffect(() => {
    const isLoading = loadedUrl === window.location.href;
    loadedUrl = null;
    const isTaken = isLoading && document.activeElement !== document.body;
    if (isEnabled && !isTaken && !isTouchOnly()) field.current?.focus();
  }, [field, isEnabled]);
}

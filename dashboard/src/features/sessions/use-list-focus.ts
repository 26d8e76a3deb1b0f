import { type FocusEvent, type RefObject, useLayoutEffect, useRef } from "react";

/** The last focused element of a list, and the session whose row contains it. */
interface Focused {
  readonly element: Element;
  readonly sessionId: string;
}

/**
 * Keeps the focus on a row that moves to another group, for example because its permission request
 * was answered. React moves it by creating a new element, so the focus would fall to the body.
 * Returns the handlers for the list.
 */
export function useListFocus(list: RefObject<HTMLElement | null>) {
  const focused = useRef<Focused | null>(null);
  useLayoutEffect(() => {
    const last = focused.current;
    if (!last || last.element.isConnected) return;
    focused.current = null;
    if (document.activeElement !== document.body) return;
    list.current?.querySelector<HTMLElement>(`a[data-row="${last.sessionId}"]`)?.focus();
  });
  return {
    onFocus({ target }: FocusEvent) {
      const row = target.closest("li")?.querySelector<HTMLElement>("a[data-row]");
      focused.current = row ? { element: target, sessionId: row.dataset.row ?? "" } : null;
    },
    // React does not report that a focused element was removed.
    onBlur() {
      focused.current = null;
    },
  };
}

import { type RefObject, useLayoutEffect } from "react";
import { isTouchOnly } from "@/keyboard";

/**
 * Moves the focus when the element that contains it is removed: to the same step if it is rendered
 * again, to another permission request, or else to the composer. Without a keyboard, the focus
 * moves to the thread instead, because a focused field would open the on-screen keyboard.
 */
export function useFocusHandover(container: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const element = container.current;
    return () => {
      // The focus is still in the element, which is removed after this.
      const focused = document.activeElement;
      if (!element?.contains(focused)) return;
      const key = focused?.closest<HTMLElement>("[data-step]")?.dataset.step;
      queueMicrotask(() => moveFocus(key));
    };
  }, [container]);
}

function moveFocus(key: string | undefined): void {
  const log = document.querySelector<HTMLElement>('main [role="log"]');
  const find = (selector: string) => log?.querySelector<HTMLElement>(selector);
  const next =
    (key && find(`[data-step="${CSS.escape(key)}"] > summary`)) || find("[data-permission-card]");
  if (next) next.focus({ preventScroll: true });
  else focusComposer();
}

/** Moves the focus to the composer, or to the thread if there is no keyboard or no composer. */
export function focusComposer(): void {
  const log = document.querySelector<HTMLElement>('main [role="log"]');
  const composer = isTouchOnly()
    ? null
    : document.querySelector<HTMLElement>("main [data-composer]");
  (composer ?? log)?.focus({ preventScroll: true });
}

import { type RefObject, useLayoutEffect } from "react";
import { isTouchOnly } from "@/keyboard";

/**
 * Moves the focus when the card that has it is removed: to another card, or else to the composer.
 * Without a keyboard, the focus moves to the thread, because a focused field would open the
 * on-screen keyboard.
 */
export function useFocusHandover(card: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const element = card.current;
    return () => {
      // The focus is still in the card, which is removed after this.
      if (element?.contains(document.activeElement)) queueMicrotask(moveFocus);
    };
  }, [card]);
}

function moveFocus(): void {
  const log = document.querySelector<HTMLElement>('main [role="log"]');
  const next = log?.querySelector<HTMLElement>("[data-permission-card]");
  const composer = isTouchOnly()
    ? null
    : document.querySelector<HTMLElement>("main [data-composer]");
  const target = next ?? composer ?? log;
  target?.focus({ preventScroll: true });
}

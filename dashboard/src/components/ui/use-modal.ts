import { type RefObject, useLayoutEffect, useRef } from "react";

/**
 * Keeps a dialog open while it is rendered. The dialog is closed before it is removed from the
 * document, because otherwise the browser would not restore the focus.
 */
export function useModal(): RefObject<HTMLDialogElement | null> {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return dialog;
}

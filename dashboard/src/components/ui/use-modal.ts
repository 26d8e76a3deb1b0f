import { type RefObject, useLayoutEffect, useRef } from "react";

/**
 * Opens a dialog while it is rendered. It is closed before it is removed from the document, because
 * otherwise the browser does not restore the focus.
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

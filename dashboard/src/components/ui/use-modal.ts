import { type RefObject, useLayoutEffect, useRef } from "react";

/**
 * Opens a dialog for as long as it is rendered. The focus then goes back to where it was, so it is
 * closed while it is still in the document: one that is gone gives nothing back.
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

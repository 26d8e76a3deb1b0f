/** Renders the open chat as a whole while it is printed. */
import { useEffect, useRef } from "react";
import { flushSync } from "react-dom";
import { createEmitter, createObservable, useObservable } from "@/observable";

const isPrinting = createObservable(false);
const beforePrint = createEmitter();

/** Renders all turns that have been fetched. */
export function prepareToPrint(): void {
  if (isPrinting.get()) return;
  beforePrint.emit();
  flushSync(() => isPrinting.set(true));
}

/** Renders only the visible turns again. */
export function endPrinting(): void {
  isPrinting.set(false);
}

// The browser's own command prints the turns that have been fetched.
window.addEventListener("beforeprint", prepareToPrint);
window.addEventListener("afterprint", endPrinting);

/**
 * Returns whether the thread must render all of its turns, so that they can be printed.
 * `onPrepare` is called before that. It returns a function that is called after printing.
 */
export function useFullRendering(onPrepare: () => () => void): boolean {
  const isFull = useObservable(isPrinting);
  const prepareThread = useRef(onPrepare);
  prepareThread.current = onPrepare;
  const restore = useRef<(() => void) | null>(null);
  useEffect(
    () =>
      beforePrint.subscribe(() => {
        restore.current = prepareThread.current();
      }),
    [],
  );
  useEffect(() => {
    if (isFull) return;
    restore.current?.();
    restore.current = null;
  }, [isFull]);
  return isFull;
}

/** Prints the open chat. */
import { useEffect, useRef } from "react";
import { flushSync } from "react-dom";
import { createEmitter, createObservable, useObservable } from "@/observable";

const isPrinting = createObservable(false);
const beforePrint = createEmitter();

function prepare(): void {
  if (isPrinting.get()) return;
  beforePrint.emit();
  flushSync(() => isPrinting.set(true));
}

// The browser's own command prints the turns that have been fetched.
window.addEventListener("beforeprint", prepare);
window.addEventListener("afterprint", () => isPrinting.set(false));

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

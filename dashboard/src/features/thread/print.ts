/** Prints the open chat. */
import { useEffect, useRef } from "react";
import { flushSync } from "react-dom";
import { queryClient } from "@/api/query-client";
import { reportFailure } from "@/components/report-failure";
import { notify } from "@/components/ui/toast";
import { createEmitter, createObservable, useObservable } from "@/observable";
import { texts } from "@/texts";
import { loadMarkdown } from "./markdown/markdown";
import { STEPS_FETCH_DELAY_MS } from "./steps/use-turn-steps";
import { loadOlderTurns } from "./turn-pages";

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

/** Fetches all turns of the open chat with their steps, and opens the browser's print dialog. */
export async function printChat(sessionId: string): Promise<void> {
  notify(texts.print.preparing);
  try {
    await Promise.all([loadOlderTurns(sessionId), loadMarkdown()]);
    prepare();
    await waitForSteps();
    window.print();
  } catch (error) {
    isPrinting.set(false);
    reportFailure(error);
  }
}

/** Waits until the steps of the rendered turns have been fetched. */
async function waitForSteps(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2 * STEPS_FETCH_DELAY_MS));
  if (countStepFetches() === 0) return;
  await new Promise<void>((resolve) => {
    const stop = queryClient.getQueryCache().subscribe(() => {
      if (countStepFetches() > 0) return;
      stop();
      resolve();
    });
  });
}

const countStepFetches = () => queryClient.isFetching({ queryKey: ["steps"] });

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

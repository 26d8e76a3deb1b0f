/** Prints the open chat. */
import { queryClient } from "@/api/query-client";
import { reportFailure } from "@/components/report-failure";
import { notify } from "@/components/ui/toast";
import { texts } from "@/texts";
import { loadMarkdown } from "./markdown/markdown";
import { endPrinting, prepareToPrint } from "./print";
import { STEPS_FETCH_DELAY_MS } from "./steps/use-turn-steps";
import { loadOlderTurns } from "./turn-pages";

/** Fetches all turns of the open chat with their steps, and opens the browser's print dialog. */
export async function printChat(sessionId: string): Promise<void> {
  notify(texts.print.preparing);
  try {
    await Promise.all([loadOlderTurns(sessionId), loadMarkdown()]);
    prepareToPrint();
    await waitForSteps();
    window.print();
  } catch (error) {
    endPrinting();
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

import { ApiError } from "@/api/client";
import { notify } from "@/components/ui/toast";
import { texts } from "@/texts";
import { explainProblem } from "@/texts/explain";

/**
 * Returns the reason for a failed request, followed by advice to try again if the failure is
 * transient.
 */
export function explainFailure(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  const reason = explainProblem({ code: error.code, detail: error.message });
  return error.isTransient ? texts.tryAgain(reason) : reason;
}

/** Shows the reason for a failure in a toast. */
export function reportFailure(error: unknown): void {
  notify(explainFailure(error));
}

/** Returns whether text was copied. Shows a toast if the browser has rejected it. */
export async function reportCopy(copying: Promise<void>): Promise<boolean> {
  try {
    await copying;
    return true;
  } catch {
    notify(texts.actions.copyFailed);
    return false;
  }
}

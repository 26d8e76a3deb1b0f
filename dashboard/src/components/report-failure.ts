import { ApiError } from "@/api/client";
import { notify } from "@/components/ui/toast";
import { texts } from "@/texts";
import { explainProblem } from "@/texts/explain";

/**
 * Returns the reason why a request failed and, if the failure is transient, advice to try again.
 */
export function explainFailure(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  const reason = explainProblem({ code: error.code, detail: error.message });
  return error.isTransient ? texts.tryAgain(reason) : reason;
}

/** Shows the reason why an action failed. */
export function reportFailure(error: unknown): void {
  notify(explainFailure(error));
}

import { ApiError } from "@/api/client";
import { notify } from "@/components/ui/toast";
import { explainProblem, texts } from "@/texts";

/** Why something was refused, in a person's words. */
export function explainFailure(error: unknown): string {
  return error instanceof ApiError
    ? explainProblem({ code: error.code, detail: error.message })
    : String(error);
}

/** Tells the user that what they asked for did not work, and why. */
export function reportFailure(error: unknown): void {
  notify(texts.actions.failed(explainFailure(error)));
}

/** How permission requests ended. */
import * as v from "valibot";
import type { Step } from "@/api/models";
import { toLine } from "@/terminal/screen";
import { texts } from "@/texts";

const chosen = v.object({
  chosen: v.string(),
  options: v.array(v.object({ option_id: v.string(), name: v.string() })),
});
const decided = v.object({
  decision: v.picklist(["allow", "reject"]),
  decided_by: v.picklist(["user", "time_limit", "withdrawn"]),
});

export type Outcome = "allowed" | "rejected" | "expired" | "withdrawn";

/** Returns how a permission request ended, or null for open requests and other steps. */
export function findOutcome(step: Step): Outcome | null {
  if (step.kind !== "permission" || step.status === "pending" || step.status === "running")
    return null;
  const end = v.safeParse(decided, step.detail);
  if (end.success && end.output.decision === "allow") return "allowed";
  if (end.success && end.output.decided_by === "time_limit") return "expired";
  if (end.success && end.output.decided_by === "withdrawn") return "withdrawn";
  return step.status === "succeeded" ? "allowed" : "rejected";
}

/**
 * Describes the outcome of a permission request, including the chosen option, if any. Returns null
 * for open requests and other steps.
 */
export function describeOutcome(step: Step): string | null {
  const outcome = findOutcome(step);
  if (!outcome) return null;
  const choice = v.safeParse(chosen, step.detail);
  const option =
    choice.success &&
    choice.output.options.find(({ option_id }) => option_id === choice.output.chosen);
  const text = `${texts.permission.outcome[outcome]}: ${step.title}`;
  return option ? `${text} · ${toLine(option.name)}` : text;
}

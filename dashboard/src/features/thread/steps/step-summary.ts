/** Describes steps in words: their titles, their statuses, and a summary of a group. */
import type { Step, Task } from "@/api/models";
import { texts } from "@/texts";
import { formatElapsed } from "@/time";
import { describeOutcome, findOutcome } from "../permission/permission-outcome";

/** Shorter thoughts have no duration. */
const MIN_DURATION_MS = 1000;
/** A step that fails within this time before its turn is stopped was stopped with the turn. */
const STOP_MS = 3000;

/** The status of a step. `stopped` replaces `failed` for a step that was stopped with its turn. */
export type StepStatus = Step["status"] | "stopped";

/** Returns the status of a step of the task. */
export function findStatus(step: Step, task: Task | null): StepStatus {
  const isStopped = task?.status === "cancelled" || task?.status === "interrupted";
  if (step.status !== "failed" || !isStopped) return step.status;
  if (!step.ended_at || !task.finished_at) return "stopped";
  const isWithTurn = Date.parse(step.ended_at) > Date.parse(task.finished_at) - STOP_MS;
  return isWithTurn ? "stopped" : "failed";
}

/** Returns the title of a thought, with its duration. `running` is the title until it has ended. */
export function titleThought(step: Step, running: string = texts.steps.thinking): string {
  if (step.status === "running") return running;
  if (!step.started_at || !step.ended_at) return texts.steps.thought;
  const elapsed = Date.parse(step.ended_at) - Date.parse(step.started_at);
  if (elapsed < MIN_DURATION_MS) return texts.steps.thought;
  return texts.steps.thoughtFor(formatElapsed(elapsed));
}

/** Returns the title of a step in a list of steps. */
export function titleStep(step: Step): string {
  return step.kind === "thought" ? titleThought(step) : (describeOutcome(step) ?? step.title);
}

function activityOf(step: Step): keyof typeof texts.steps.activity {
  if (step.kind !== "tool") return step.kind === "permission" ? "other" : step.kind;
  const { tool_kind: kind } = step.detail;
  if (kind === "think") return "thought";
  const isKnown = typeof kind === "string" && Object.hasOwn(texts.steps.activity, kind);
  return isKnown ? (kind as keyof typeof texts.steps.activity) : "other";
}

/**
 * Summarizes finished steps in one line, such as "read 4 files, ran 2 commands". Rejected tool
 * calls are not counted, but permission requests that were not allowed are.
 */
export function summarizeSteps(steps: readonly Step[]): string {
  const counts = new Map<string, number>();
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const step of steps) {
    if (step.status === "running" || step.status === "pending") continue;
    const outcome = findOutcome(step);
    if (outcome && outcome !== "allowed") count(outcome);
    if (step.kind !== "permission" && step.status !== "rejected") count(activityOf(step));
  }
  const names: Readonly<Record<string, (count: number) => string>> = {
    ...texts.steps.activity,
    ...texts.steps.notAllowed,
  };
  return [...counts].map(([name, times]) => names[name]?.(times) ?? "").join(texts.common.comma);
}

/** Returns the number of steps of the task that failed by themselves. */
export function countFailed(steps: readonly Step[], task: Task | null): number {
  return steps.filter((step) => findStatus(step, task) === "failed").length;
}

import type { Step, Task } from "@/api/models";
import type { Typing } from "@/stream/state";
import { texts } from "@/texts";
import { explainTaskError } from "@/texts/explain";
import { formatElapsed } from "@/time";

/** The time from the expiry of a typing indicator until the worker is considered unresponsive. */
const SILENCE_MS = 3000;

export interface TurnStatus {
  readonly text: string;
  /** The start of the elapsed time, or null if no elapsed time is shown. */
  readonly since: string | null;
  /** Whether to animate the dots. */
  readonly isAlive: boolean;
}

function describeStep(step: Step): string {
  switch (step.kind) {
    case "permission":
      return texts.status.waitingForPermission;
    case "tool":
      return texts.status.running(step.title);
    case "thought":
      return texts.status.thinking;
    case "plan":
      return texts.status.planning;
    case "notice":
      return step.title;
    default:
      return step.kind satisfies never;
  }
}

/** Returns the status of an unfinished turn, or null for a finished one. */
export function describeTurn(about: {
  task: Task;
  hasText: boolean;
  steps: readonly Step[];
  typing: Typing | undefined;
  isConnected: boolean;
  isStopping: boolean;
  nowMs: number;
}): TurnStatus | null {
  const { task, nowMs } = about;
  if (task.status !== "running" && task.status !== "queued") return null;
  const since = task.started_at ?? task.created_at;
  if (!about.isConnected) return { text: texts.status.disconnected, since: null, isAlive: false };
  if (about.isStopping) return { text: texts.status.stopping, since: null, isAlive: true };
  if (task.status === "queued") {
    if (!task.error) return { text: texts.status.waitingForWorker, since, isAlive: false };
    const wait = task.next_attempt_at ? Date.parse(task.next_attempt_at) - nowMs : 0;
    const reason = explainTaskError(task);
    const text =
      wait > 0
        ? texts.status.retryingIn(reason, formatElapsed(wait + 999))
        : texts.status.retrying(reason);
    return { text, since: null, isAlive: false };
  }
  const { typing } = about;
  const isSilent = typing?.taskId === task.id && Date.parse(typing.expiresAt) + SILENCE_MS < nowMs;
  if (isSilent) return { text: texts.status.workerSilent, since, isAlive: false };
  const open = about.steps.findLast(
    (step) => step.status === "running" || step.status === "pending",
  );
  if (open) return { text: describeStep(open), since, isAlive: open.kind !== "permission" };
  if (about.hasText) return { text: texts.status.answering, since, isAlive: true };
  return {
    text: about.steps.length > 0 ? texts.status.thinking : texts.status.starting,
    since,
    isAlive: true,
  };
}

/** The steps of a task's latest attempt, merged from events and fetches. */
import type { Step, Task } from "@/api/models";
import { toLine } from "@/terminal/screen";

type Steps = Readonly<Record<number, Step>>;

export interface TaskSteps {
  readonly sessionId: string;
  readonly attempt: number;
  readonly bySeq: Steps;
  /**
   * False from a reconnect until the stream sends the steps again or they are fetched. The stream
   * does not send the steps of ended tasks.
   */
  readonly isCurrent: boolean;
}

/** A task with its steps, which is the response to `GET …/tasks/{tid}`. */
export interface FetchedTask extends Pick<Task, "id" | "chat_session_id" | "attempt"> {
  readonly steps: readonly Step[];
}

/**
 * Adds a step or a newer revision. Steps from a lower attempt are ignored; a step from a higher
 * attempt discards all earlier ones.
 */
export function putStep(
  known: TaskSteps | undefined,
  update: { chat_session_id: string; attempt: number; step: Step },
): TaskSteps {
  const { attempt, step } = update;
  if (known && attempt < known.attempt) return known;
  const bySeq = known?.attempt === attempt ? known.bySeq : {};
  const earlier = bySeq[step.seq];
  const isNews = !earlier || earlier.revision < step.revision;
  if (known && !isNews && known.isCurrent) return known;
  return {
    sessionId: update.chat_session_id,
    attempt,
    bySeq: isNews ? { ...bySeq, [step.seq]: { ...step, title: toLine(step.title) } } : bySeq,
    isCurrent: true,
  };
}

/** Merges fetched steps, unless they are from a lower attempt. Newer known revisions are kept. */
export function putFetched(known: TaskSteps | undefined, task: FetchedTask): TaskSteps {
  if (known && task.attempt < known.attempt) return known;
  const steps: TaskSteps = {
    sessionId: task.chat_session_id,
    attempt: task.attempt,
    bySeq: known?.attempt === task.attempt ? known.bySeq : {},
    isCurrent: true,
  };
  const { chat_session_id, attempt } = task;
  return task.steps.reduce<TaskSteps>(
    (merged, step) => putStep(merged, { chat_session_id, attempt, step }),
    steps,
  );
}

/** Returns the steps if they are still valid, or undefined if the task has been restarted since. */
export function settleSteps(known: TaskSteps, task: Task): TaskSteps | undefined {
  const isRestarted = task.attempt > known.attempt || task.started_at === null;
  return isRestarted ? undefined : known;
}

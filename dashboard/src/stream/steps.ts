/** What an agent did in a task's latest attempt, put together from events and fetches. */
import type { Step, Task } from "@/api/models";
import { toLine } from "@/terminal/screen";

type Steps = Readonly<Record<number, Step>>;

export interface TaskSteps {
  readonly sessionId: string;
  readonly attempt: number;
  readonly bySeq: Steps;
  /**
   * False from a new connection until the stream tells the steps again. Of a task that ended
   * meanwhile it does not: then only a fetch has them all.
   */
  readonly isCurrent: boolean;
}

/** A task with its steps, as `GET …/tasks/{tid}` answers. */
export interface FetchedTask extends Pick<Task, "id" | "chat_session_id" | "attempt"> {
  readonly steps: readonly Step[];
}

/** Adds a step, or a newer state of one. A lower attempt is ignored, a higher one starts afresh. */
export function putStep(
  known: TaskSteps | undefined,
  told: { chat_session_id: string; attempt: number; step: Step },
): TaskSteps {
  const { attempt, step } = told;
  if (known && attempt < known.attempt) return known;
  const bySeq = known?.attempt === attempt ? known.bySeq : {};
  const earlier = bySeq[step.seq];
  const isNews = !earlier || earlier.revision < step.revision;
  if (known && !isNews && known.isCurrent) return known;
  return {
    sessionId: told.chat_session_id,
    attempt,
    bySeq: isNews ? { ...bySeq, [step.seq]: { ...step, title: toLine(step.title) } } : bySeq,
    isCurrent: true,
  };
}

/** All steps as they were fetched; what is known from later stays. */
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

/** What is left of the steps when the task has become this: a new start begins without any. */
export function settleSteps(known: TaskSteps, task: Task): TaskSteps | undefined {
  const isRestarted = task.attempt > known.attempt || task.started_at === null;
  return isRestarted ? undefined : known;
}

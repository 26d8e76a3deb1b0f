/** Finds the permission requests that wait for the user. */
import type { Step } from "@/api/models";
import type { State } from "./state";
import type { TaskSteps } from "./task-steps";

/** The oldest unanswered permission request of a running task. */
export interface OpenRequest {
  readonly taskId: string;
  readonly step: Step;
  /** All steps of the task, by `seq`. */
  readonly steps: TaskSteps["bySeq"];
}

/** Open requests by session ID. */
export type OpenRequests = Readonly<Record<string, OpenRequest>>;

type Source = Pick<State, "sessions" | "steps">;

const oldestOf = new WeakMap<TaskSteps["bySeq"], Step | null>();

function findOldest(steps: TaskSteps["bySeq"]): Step | null {
  const known = oldestOf.get(steps);
  if (known !== undefined) return known;
  // The keys are integers, so the values are in ascending order.
  const oldest =
    Object.values(steps).find(
      ({ kind, status }) => kind === "permission" && status === "pending",
    ) ?? null;
  oldestOf.set(steps, oldest);
  return oldest;
}

function isSame(a: OpenRequests, b: OpenRequests): boolean {
  const ids = Object.keys(a);
  return (
    ids.length === Object.keys(b).length &&
    ids.every((id) => a[id]?.taskId === b[id]?.taskId && a[id]?.steps === b[id]?.steps)
  );
}

let last: { readonly source: Source; readonly found: OpenRequests } | null = null;

/**
 * Returns the oldest open request of each session. Returns the same object until one of them
 * changes.
 */
export function findOpenRequests({ sessions, steps }: Source): OpenRequests {
  if (last?.source.sessions === sessions && last.source.steps === steps) return last.found;
  const entries = Object.entries(steps).flatMap(([taskId, { sessionId, bySeq }]) => {
    const step = findOldest(bySeq);
    const isRunning = sessions[sessionId]?.value?.active_task?.id === taskId;
    return step && isRunning ? [[sessionId, { taskId, step, steps: bySeq }] as const] : [];
  });
  const found: OpenRequests = Object.fromEntries(entries);
  last = {
    source: { sessions, steps },
    found: last && isSame(last.found, found) ? last.found : found,
  };
  return last.found;
}

/**
 * Returns the IDs of sessions with an open request that have not been fetched, because they are
 * further down the list than the loaded pages.
 */
export function listUnknownRequesters({ sessions, steps }: Source): readonly string[] {
  const ids = Object.values(steps).flatMap(({ sessionId, bySeq }) =>
    sessions[sessionId] === undefined && findOldest(bySeq) ? [sessionId] : [],
  );
  return [...new Set(ids)];
}

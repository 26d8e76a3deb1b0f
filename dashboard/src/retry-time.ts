import type { Task } from "@/api/models";

/** The minimum remaining wait for which the page shows the time of the next attempt. */
const LONG_WAIT_MS = 60_000;

/** Returns the time of the next attempt if it is at least a minute away; otherwise null. */
export function findRetryTime(task: Task, nowMs: number): string | null {
  if (task.status !== "queued" || !task.error || !task.next_attempt_at) return null;
  return Date.parse(task.next_attempt_at) - nowMs >= LONG_WAIT_MS ? task.next_attempt_at : null;
}

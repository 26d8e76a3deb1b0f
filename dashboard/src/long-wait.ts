import type { Task } from "@/api/models";

/** From this wait on, the page says at what time the turn resumes. */
const LONG_WAIT_MS = 60_000;

/** When a turn resumes that waits for long between two attempts; otherwise null. */
export function findResumption(task: Task, nowMs: number): string | null {
  if (task.status !== "queued" || !task.error || !task.next_attempt_at) return null;
  return Date.parse(task.next_attempt_at) - nowMs >= LONG_WAIT_MS ? task.next_attempt_at : null;
}

/** Returns the texts for errors, waits, and incomplete answers. */
import type { Message, Step, Task } from "@/api/models";
import { formatClock, formatMoment, isSameDay } from "@/time";
import { texts } from ".";

const taskErrors: Readonly<Record<string, string>> = texts.taskError;
const problems: Readonly<Record<string, string>> = texts.problem;

/** Returns the reason why a task failed. For an unknown code, returns the agent's message. */
export function explainTaskError({ error }: Task): string {
  if (!error) return texts.taskErrorUnknown;
  return taskErrors[error.code] ?? (error.message || texts.taskErrorUnknown);
}

/**
 * Returns the agent's message about a failure, or null if it adds nothing to the dashboard's text.
 */
export function findReason(task: Task): string | null {
  const message = task.error?.message.trim() ?? "";
  return message === "" || message === explainTaskError(task) ? null : message;
}

/**
 * Returns the reason why a task waits and the time at which it resumes, such as "Rate limit
 * reached. Resumes at 3:00 PM."
 */
export function explainWait(task: Task, until: string): string {
  const reason = explainTaskError(task);
  return isSameDay(until, new Date().toISOString())
    ? texts.sessions.resumesAt(reason, formatClock(until))
    : texts.sessions.resumesOn(reason, formatMoment(until));
}

/**
 * Returns the reason why a request failed. For an unknown code, returns the detail from the server.
 */
export function explainProblem(problem: { code: string; detail: string }): string {
  // A proxy sends these responses if its upstream is down.
  const code = /^http_5/.test(problem.code) ? "network" : problem.code;
  return problems[code] ?? problem.detail;
}

/**
 * Returns how an answer ended, or null if it is complete. If the answer has no text and no other
 * reason is known, its latest notice explains the ending.
 */
export function explainEnding(message: Message, steps: readonly Step[]): string | null {
  const reason = message.finish_reason;
  if (!reason || reason === "stop") return null;
  if (message.content !== "") return texts.finish[reason];
  if (reason === "length") return texts.finish.lengthEmpty;
  const notice = steps.findLast((step) => step.kind === "notice");
  return reason === "empty" && notice ? notice.title : texts.finish[reason];
}

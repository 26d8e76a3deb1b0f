/** Returns the texts for errors, waits, and incomplete answers. */
import type { Message, Step, Task } from "@/api/models";
import { formatClock, formatMoment, isSameDay } from "@/time";
import { texts } from ".";

const taskErrors: Readonly<Record<string, string>> = texts.taskError;
const problems: Readonly<Record<string, string>> = texts.problem;

/** Returns why a task failed. For an unknown code, returns the agent's own message. */
export function explainTaskError({ error }: Task): string {
  if (!error) return texts.taskErrorUnknown;
  return taskErrors[error.code] ?? (error.message || texts.taskErrorUnknown);
}

/** Returns the agent's own message about a failure, or null if it adds nothing to our text. */
export function findReason(task: Task): string | null {
  const message = task.error?.message.trim() ?? "";
  return message === "" || message === explainTaskError(task) ? null : message;
}

/** Returns why a task waits and when it resumes: "Rate limit reached. Resumes at 3:00 PM." */
export function explainWait(task: Task, until: string): string {
  const time = isSameDay(until, new Date().toISOString())
    ? formatClock(until)
    : formatMoment(until);
  return texts.sessions.resumesAt(explainTaskError(task), time);
}

/** Returns why a request failed. For an unknown code, returns the detail from the server. */
export function explainProblem(problem: { code: string; detail: string }): string {
  // Responses of a proxy whose upstream is down.
  const code = /^http_5/.test(problem.code) ? "network" : problem.code;
  return problems[code] ?? problem.detail;
}

/**
 * Returns how an answer ended, or null if it is complete. A notice explains an answer without text.
 */
export function explainEnding(message: Message, steps: readonly Step[]): string | null {
  const reason = message.finish_reason;
  if (!reason || reason === "stop") return null;
  if (message.content !== "") return texts.finish[reason];
  if (reason === "length") return texts.finish.lengthEmpty;
  const notice = steps.findLast((step) => step.kind === "notice");
  return reason === "empty" && notice ? notice.title : texts.finish[reason];
}

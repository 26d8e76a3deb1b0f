/** Explains errors, waits, and incomplete answers. */
import type { Message, Step, Task } from "@/api/models";
import { formatClock, formatMoment, isSameDay } from "@/time";
import { texts } from ".";

/** Returns the text for a code, or undefined if the code is unknown. */
function find(table: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}

/**
 * Returns the reason for a task's failure. For an unknown code, returns the error's message.
 * `hasAnswer` is true if a part of the answer arrived.
 */
export function explainTaskError({ error }: Task, hasAnswer = false): string {
  if (!error) return texts.taskErrorUnknown;
  if (hasAnswer && error.code === "agent_network") return texts.agentConnectionLost;
  return find(texts.taskError, error.code) ?? (error.message || texts.taskErrorUnknown);
}

/**
 * Returns the message of a task's error, or null if it is empty or repeats the dashboard's text.
 */
export function findReason(task: Task): string | null {
  const message = task.error?.message.trim() ?? "";
  return message === "" || message === explainTaskError(task) ? null : message;
}

/**
 * Returns the reason why a task is waiting and the time at which it resumes, such as "Rate limit
 * reached. Resumes at 3:00 PM."
 */
export function explainWait(task: Task, until: string): string {
  const reason = explainTaskError(task);
  return isSameDay(until, new Date().toISOString())
    ? texts.sessions.resumesAt(reason, formatClock(until))
    : texts.sessions.resumesOn(reason, formatMoment(until));
}

/** Returns the reason for a request's failure. For an unknown code, returns the server's detail. */
export function explainProblem(problem: { code: string; detail: string }): string {
  // A proxy sends these responses if its upstream is down.
  const code = /^http_5/.test(problem.code) ? "network" : problem.code;
  return find(texts.problem, code) ?? problem.detail;
}

/**
 * Returns how an answer ended, or null if it is complete. If the answer is empty and its reason is
 * `empty`, returns the title of the latest notice, if any.
 */
export function explainEnding(message: Message, steps: readonly Step[]): string | null {
  const reason = message.finish_reason;
  if (!reason || reason === "stop") return null;
  if (message.content !== "") return texts.finish[reason];
  if (reason === "length") return texts.finish.lengthEmpty;
  const notice = steps.findLast((step) => step.kind === "notice");
  return reason === "empty" && notice ? notice.title : texts.finish[reason];
}

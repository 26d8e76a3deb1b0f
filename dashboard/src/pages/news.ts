/** Describes the events that a user is notified of. */
import { attachmentsOf, type Task } from "@/api/models";
import { toPlainMarkdown } from "@/markdown/plain-markdown";
import type { StreamEvent } from "@/stream/events";
import { toLine } from "@/terminal/screen";
import { texts } from "@/texts";
import { explainEnding, explainTaskError } from "@/texts/explain";

export interface News {
  /**
   * Identifies the news, because the stream sends open requests again after each reconnect, and a
   * replayed event contains the current state of its object.
   */
  readonly id: string;
  readonly sessionId: string;
  /** The text of the notification, without Markdown. */
  readonly body: string;
  /** Whether the agent waits for the user. */
  readonly isRequest: boolean;
}

/** The maximum length of a notification's text, in UTF-16 code units. */
const MAX_LENGTH = 160;

/** How an answer ends if its turn failed. The task's event has the reason. */
const failures = new Set(["error", "interrupted"]);

function describeFailure(task: Task): string | null {
  switch (task.status) {
    case "failed":
      return texts.notifications.failed(explainTaskError(task));
    case "interrupted":
      return texts.notifications.interrupted(explainTaskError(task));
    case "queued":
    case "running":
    case "succeeded":
    case "cancelled":
      return null;
    default:
      return task.status satisfies never;
  }
}

function describe(event: StreamEvent): { id: string; body: string } | null {
  switch (event.type) {
    case "message.created": {
      const { message, session } = event;
      const isRead = message.seq <= session.last_read_seq;
      if (message.role !== "assistant" || isRead || failures.has(message.finish_reason ?? ""))
        return null;
      const files = attachmentsOf(message).map(({ name }) => name);
      const text = toPlainMarkdown(message.content) || files.join(", ");
      const body = text || explainEnding(message, []);
      return body ? { id: message.id, body } : null;
    }
    case "task.updated": {
      const { task } = event;
      const body = describeFailure(task);
      return body ? { id: `${task.id} ${task.attempt} failed`, body } : null;
    }
    case "task.step": {
      const { task_id, attempt, step } = event;
      if (step.kind !== "permission" || step.status !== "pending") return null;
      const body = texts.notifications.permission(toLine(step.title));
      return { id: `${task_id} ${attempt} ${step.seq}`, body };
    }
    default:
      return null;
  }
}

/** Returns what to notify the user of, or null if an event needs no notification. */
export function describeNews(event: StreamEvent): News | null {
  const about = describe(event);
  if (!about || !("chat_session_id" in event)) return null;
  return {
    id: about.id,
    sessionId: event.chat_session_id,
    body: about.body.slice(0, MAX_LENGTH),
    isRequest: event.type === "task.step",
  };
}

import type { Session } from "@/api/models";
import type { Outgoing } from "@/outbox/outbox";
import { listTurns } from "@/stream/order";
import type { Thread } from "@/stream/state";
import { texts } from "@/texts";

export interface Preview {
  readonly text: string;
  readonly tone: "plain" | "bad" | "live";
}

/** How the newest turn ended without an answer; null when it has one, or is still open. */
function describeEnd(session: Session, thread: Thread | undefined): Preview | null {
  const newest = thread ? listTurns(thread.messages).at(-1)?.user : null;
  const status = newest ? thread?.tasks[newest.task_id]?.value?.status : undefined;
  if (status === "failed") return { text: texts.sessions.failedAnswer, tone: "bad" };
  // The list says nothing of ended turns, but a last word without an answer is one.
  if (session.last_message?.role !== "user") return null;
  if (status === "cancelled") return { text: texts.finish.cancelled, tone: "plain" };
  return { text: texts.sessions.notAnswered, tone: "bad" };
}

/** Markdown's marks say nothing in one line of plain text. */
function flatten(text: string): string {
  return text
    .replace(/```[^\n]*\n?|[*_`#>|]+/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** The second line of a row: what matters most about the session now. */
export function describeSession(about: {
  session: Session;
  thread: Thread | undefined;
  pending: readonly Outgoing[];
  draft: string;
}): Preview {
  const { session, thread, pending, draft } = about;
  if (pending.some((item) => item.state !== "sending"))
    return { text: texts.sessions.failedSend, tone: "bad" };
  if (session.active_task?.status === "running")
    return { text: texts.sessions.typing, tone: "live" };
  if (session.active_task) return { text: texts.sessions.waiting, tone: "plain" };
  if (draft.trim()) return { text: texts.sessions.draft(flatten(draft)), tone: "plain" };
  const last = session.last_message;
  const preview = last ? flatten(last.preview) : "";
  const end = describeEnd(session, thread);
  if (end) return { ...end, text: `${end.text}: ${preview}` };
  if (!last) return { text: texts.sessions.noMessages, tone: "plain" };
  return {
    text: last.role === "user" ? texts.sessions.fromYou(preview) : preview,
    tone: "plain",
  };
}

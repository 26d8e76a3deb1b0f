import * as v from "valibot";
import type { Message, Session, Step, Task } from "@/api/models";
import { toPlainMarkdown, toPlainMessage } from "@/markdown/plain-markdown";
import type { OutgoingMessage } from "@/outbox/outgoing-message";
import { findRetryTime } from "@/retry-time";
import { texts } from "@/texts";
import { explainEnding, explainTaskError, explainWait } from "@/texts/explain";

export interface Preview {
  readonly text: string;
  /** `call`: the user has to decide or has missed a decision. */
  readonly tone: "plain" | "bad" | "live" | "call";
}

const expiredSchema = v.object({ decided_by: v.literal("time_limit") });

/** Returns whether a step is a permission request that expired before the user answered it. */
function isExpired({ kind, detail }: Step): boolean {
  return kind === "permission" && v.is(expiredSchema, detail);
}

/** Returns how the newest turn ended if it failed or has no answer text; otherwise null. */
function describeEnd(session: Session, task: Task | null, answer: Message | null): Preview | null {
  if (task?.status === "failed")
    return {
      text: texts.sessions.failed(explainTaskError(task, !!answer?.content.trim())),
      tone: "bad",
    };
  const { last_message: last } = session;
  if (last?.role === "assistant" && last.preview.trim() === "")
    return {
      text: (answer && explainEnding(answer, [])) ?? texts.sessions.noAnswer,
      tone: "plain",
    };
  if (last?.role !== "user") return null;
  const preview = flatten(last);
  if (!task) return null;
  switch (task.status) {
    case "cancelled":
      return { text: `${texts.finish.cancelled}: ${preview}`, tone: "plain" };
    case "interrupted":
      return { text: `${texts.finish.interrupted}: ${preview}`, tone: "bad" };
    case "queued":
    case "running":
    case "succeeded":
      return null;
    default:
      return task.status satisfies never;
  }
}

/** The length of a preview of a longer message, in characters. */
const PREVIEW_LENGTH = 200;

/** Returns the text of the session's last message as it is rendered, in a line. */
function flatten({ role, preview }: NonNullable<Session["last_message"]>): string {
  if (role === "user") return toPlainMessage(preview);
  return toPlainMarkdown(preview, Array.from(preview).length >= PREVIEW_LENGTH);
}

/**
 * Returns the second line of a session's row: the session's state, the draft, or the last message.
 */
export function describeSession(about: {
  session: Session;
  /** The task and the answer of the newest turn, if known. */
  task: Task | null;
  answer: Message | null;
  /** The steps of the running turn, or else of the newest one, as far as they are known. */
  steps: readonly Step[];
  /** Whether the session is open. */
  isOpen: boolean;
  pending: readonly OutgoingMessage[];
  /** The draft; ignored for the open session. */
  draft: string;
  nowMs: number;
}): Preview {
  const { session, task, answer, steps, pending, draft } = about;
  if (pending.some(({ state }) => state === "failed"))
    return { text: texts.sessions.messageNotSent, tone: "bad" };
  if (pending.some(({ state }) => state === "waiting"))
    return { text: texts.receipt.waitingToSend, tone: "plain" };
  const request = steps.find(({ kind, status }) => kind === "permission" && status === "pending");
  if (session.active_task && request)
    return { text: texts.sessions.permissionNeeded(request.title), tone: "call" };
  const expired = about.isOpen ? undefined : steps.findLast(isExpired);
  if (expired && (session.active_task || session.unread_count > 0))
    return { text: texts.sessions.permissionExpired(expired.title), tone: "call" };
  if (session.active_task?.status === "running")
    return { text: texts.sessions.typing, tone: "live" };
  const waiting = session.active_task ?? task;
  const until = waiting && findRetryTime(waiting, about.nowMs);
  if (waiting && until) return { text: explainWait(waiting, until), tone: "plain" };
  if (session.active_task || session.queued_count > 0)
    return { text: texts.sessions.waiting, tone: "plain" };
  if (draft.trim() && !about.isOpen)
    return { text: texts.sessions.draft(toPlainMessage(draft)), tone: "plain" };
  const end = describeEnd(session, task, answer);
  if (end) return end;
  const last = session.last_message;
  if (!last) return { text: texts.sessions.noMessages, tone: "plain" };
  const preview = flatten(last);
  return {
    text: last.role === "user" ? texts.sessions.fromYou(preview) : preview,
    tone: "plain",
  };
}

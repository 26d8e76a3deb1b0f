import { ApiError, client } from "@/api/client";
import type { Message, Task } from "@/api/models";
import { reportFailure } from "@/components/report-failure";
import { RequireWriteAccess } from "@/components/require-write-access";
import { TextButton } from "@/components/ui/button";
import { notify } from "@/components/ui/toast";
import { store } from "@/stream/store";
import { findCurrentTask } from "@/stream/turns";
import { texts } from "@/texts";
import { formatClock, formatExact } from "@/time";
import { CopyButton } from "../answer/copy-button";
import { stopTask } from "../task-actions";
import { startEditing } from "./message-editing";

function receiptOf(task: Task | null, position: number): string {
  if (!task) return texts.receipt.sent;
  switch (task.status) {
    case "queued":
      if (task.error) return texts.receipt.retrying;
      return position > 0 ? texts.receipt.queued(position) : texts.receipt.sent;
    case "running":
      return texts.receipt.working;
    case "succeeded":
      return texts.receipt.answered;
    case "failed":
      return texts.receipt.failed;
    case "cancelled":
      return texts.receipt.stopped;
    case "interrupted":
      return texts.receipt.interrupted;
    default:
      return task.status satisfies never;
  }
}

/** The line below a user's message: its receipt, its time, and its actions. */
export function MessageStatus(props: {
  message: Message;
  task: Task | null;
  /** The number of unfinished turns before this one; 0 if this turn is not queued. */
  position: number;
  hasReceipt: boolean;
  /** Whether the time is always shown, rather than only on hover. */
  hasTime: boolean;
  /** Whether the message can be edited and removed. */
  isChangeable: boolean;
}) {
  const { message, task, position, hasReceipt, hasTime } = props;
  const time = (
    <time dateTime={message.created_at} title={formatExact(message.created_at)}>
      {formatClock(message.created_at)}
    </time>
  );
  return (
    <div className="flex min-h-6 flex-wrap items-center justify-end gap-x-1 self-end px-1 pb-2 text-ink-3 text-small tabular-nums">
      {/* What is shown only on hover comes first, so that the rest is aligned with the message. */}
      <CopyButton text={message.content} isShort className="reveal me-1" />
      {!hasTime && (
        <span className="reveal [@media(hover:none)]:hidden">
          {time}
          {hasReceipt && <span aria-hidden="true"> ·</span>}
        </span>
      )}
      {hasReceipt && (
        <span className={task?.status === "failed" ? "text-bad" : ""}>
          {receiptOf(task, position)}
        </span>
      )}
      {hasTime && (
        <span>
          {hasReceipt && <span aria-hidden="true">· </span>}
          {time}
        </span>
      )}
      {message.edited_at && <span>· {texts.thread.edited}</span>}
      {props.isChangeable && (
        <RequireWriteAccess>
          <span className="ms-2 flex gap-x-3 pointer-coarse:gap-x-4">
            {position === 1 && (
              <TextButton onClick={() => interrupt(message.chat_session_id)}>
                {texts.receipt.sendNow}
              </TextButton>
            )}
            <TextButton onClick={() => startEditing(message.id)}>{texts.receipt.edit}</TextButton>
            <TextButton onClick={() => void removeQueued(message)}>
              {texts.receipt.remove}
            </TextButton>
          </span>
        </RequireWriteAccess>
      )}
    </div>
  );
}

/** Stops the current turn, so that the agent starts on the first queued message. */
function interrupt(sessionId: string): void {
  const { sessions, threads } = store.getState();
  const session = sessions[sessionId]?.value;
  const thread = threads[sessionId];
  const task = session && thread && findCurrentTask(session, thread.messages, thread.tasks);
  if (task) void stopTask(sessionId, task.id);
}

async function removeQueued(message: Message): Promise<void> {
  const path = { id: message.chat_session_id, mid: message.id };
  try {
    await client.DELETE("/v1/chat/{id}/messages/{mid}", { params: { path } });
  } catch (error) {
    const isLate = error instanceof ApiError && error.status === 409;
    if (isLate) notify(texts.receipt.alreadyStarted);
    else reportFailure(error);
  }
}

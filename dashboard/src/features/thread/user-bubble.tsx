import { lazy, memo, Suspense, useState } from "react";
import { ApiError, client } from "@/api/client";
import type { Message, Task } from "@/api/models";
import { reportFailure } from "@/components/report-failure";
import { RequireWriteAccess } from "@/components/require-write-access";
import { TextButton } from "@/components/ui/button";
import { notify } from "@/components/ui/toast";
import { texts } from "@/texts";
import { formatClock, formatExact } from "@/time";
import { useDelayed } from "@/use-delayed";
import { UserText } from "./user-text";

export const bubbleOfUser =
  "self-end min-w-0 max-w-[88%] md:max-w-[72%] rounded-bubble rounded-ee-[6px] px-3.5 py-[9px] [overflow-wrap:anywhere]";

const QueuedMessageEditor = lazy(async () => ({
  default: (await import("./queued-message-editor")).QueuedMessageEditor,
}));

/**
 * The first queued message can be changed only after this delay. A worker usually starts on it
 * sooner.
 */
const CHANGEABLE_AFTER_MS = 2000;

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

/** A user's message and its status. The message can be changed until the agent starts on it. */
export const UserBubble = memo(function UserBubble(props: {
  message: Message;
  task: Task | null;
  /** The number of unfinished turns before this one; 0 if this turn is not queued. */
  position: number;
}) {
  const { message, task, position } = props;
  const [isEditing, setEditing] = useState(false);
  const isWaiting = task?.status === "queued" && position > 0;
  const isUntouched = task?.status === "queued" && task.attempt === 0;
  const isLong = useDelayed(isUntouched, CHANGEABLE_AFTER_MS);
  const isChangeable = isUntouched && (position > 0 || isLong);
  const look = isWaiting
    ? "border-[1.5px] border-dashed border-line-strong bg-transparent"
    : "bg-bubble";

  const bubble = (
    <>
      <div className={`${bubbleOfUser} ${look}`}>
        <span className="sr-only">{texts.thread.youSaid}: </span>
        <UserText text={message.content} id={message.id} />
      </div>
      <div className="flex flex-wrap justify-end gap-x-1 self-end px-1 pb-2 text-ink-3 text-small tabular-nums">
        <span className={task?.status === "failed" ? "text-bad" : ""}>
          {receiptOf(task, position)}
        </span>
        <span aria-hidden="true">·</span>
        <time dateTime={message.created_at} title={formatExact(message.created_at)}>
          {formatClock(message.created_at)}
        </time>
        {message.edited_at && <span>· {texts.thread.edited}</span>}
        {isChangeable && (
          <RequireWriteAccess>
            <span className="ms-2 flex gap-x-3 pointer-coarse:gap-x-4">
              <TextButton onClick={() => setEditing(true)}>{texts.receipt.edit}</TextButton>
              <TextButton onClick={() => void removeQueued(message)}>
                {texts.receipt.remove}
              </TextButton>
            </span>
          </RequireWriteAccess>
        )}
      </div>
    </>
  );
  return (
    <>
      {isEditing && isUntouched ? null : bubble}
      {/* The editor keeps its text if the agent starts in the meantime. */}
      {isEditing && (
        <Suspense fallback={null}>
          <QueuedMessageEditor
            message={message}
            isLate={!isUntouched}
            onClose={() => setEditing(false)}
          />
        </Suspense>
      )}
    </>
  );
});

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

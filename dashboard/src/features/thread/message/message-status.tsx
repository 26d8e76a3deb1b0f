import { lazy, Suspense } from "react";
import { isEnded, type Message, type Task } from "@/api/models";
import { texts } from "@/texts";
import { formatClock, formatExact } from "@/time";
import { CopyButton } from "../answer/copy-button";

const loadActions = () => import("./message-actions");
const QueuedActions = lazy(async () => ({ default: (await loadActions()).QueuedActions }));
const EditAgain = lazy(async () => ({ default: (await loadActions()).EditAgain }));
const VersionSwitcher = lazy(async () => ({
  default: (await import("../branches/version-switcher")).VersionSwitcher,
}));

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
  const hasEnded = task !== null && isEnded(task.status);
  const time = (
    <time dateTime={message.created_at} title={formatExact(message.created_at)}>
      {formatClock(message.created_at)}
    </time>
  );
  return (
    <div className="flex min-h-6 flex-wrap items-center justify-end gap-x-1 self-end px-1 pb-2 text-ink-3 text-small tabular-nums">
      {/* What is shown only on hover comes first, so that the rest is aligned with the message. */}
      <span aria-live="off">
        <Suspense>{hasEnded && <EditAgain message={message} />}</Suspense>
      </span>
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
      <Suspense>
        {props.isChangeable && <QueuedActions message={message} position={position} />}
        {message.branch && <VersionSwitcher message={message} />}
      </Suspense>
    </div>
  );
}

import { lazy, memo, Suspense } from "react";
import { attachmentsOf, isEnded, type Message, type Task } from "@/api/models";
import { texts } from "@/texts";
import { useDelayed } from "@/use-delayed";
import { focusComposer } from "../use-focus-handover";
import { stopEditing, useEditing } from "./message-editing";
import { MessageFiles } from "./message-files";
import { MessageStatus } from "./message-status";
import { UserText } from "./user-text";

export const bubbleOfUser =
  "self-end min-w-0 max-w-[88%] md:max-w-[72%] rounded-bubble rounded-ee-[6px] px-3.5 py-2 text-[16px] leading-6 [overflow-wrap:anywhere]";

/** The look of a message that waits to be sent or for its turn. */
export const waitingBubble = "border-[1.5px] border-dashed border-line-strong bg-transparent";

const QueuedMessageEditor = lazy(async () => ({
  default: (await import("./queued-message-editor")).QueuedMessageEditor,
}));

const RevisionEditor = lazy(async () => ({
  default: (await import("../branches/revision-editor")).RevisionEditor,
}));

/**
 * The first queued message can be changed only after this delay. A worker usually starts on it
 * sooner.
 */
const CHANGEABLE_AFTER_MS = 2000;

/**
 * A user's message and its status. The message can be changed until the agent starts on it, and
 * replaced with another version after its turn has ended.
 */
export const UserBubble = memo(function UserBubble(props: {
  message: Message;
  task: Task | null;
  /** The number of unfinished turns before this one; 0 if this turn is not queued. */
  position: number;
  /** Whether this is the newest message. Its receipt is shown even after the turn has ended. */
  isNewest: boolean;
  /** Whether the time is always shown, rather than only on hover. */
  hasTime: boolean;
}) {
  const { message, task, position } = props;
  const editing = useEditing(message.id);
  const isOpen = task !== null && !isEnded(task.status);
  const isWaiting = task?.status === "queued" && position > 0;
  const isUntouched = task?.status === "queued" && task.attempt === 0;
  const isLong = useDelayed(isUntouched, CHANGEABLE_AFTER_MS);
  const isChangeable = isUntouched && (position > 0 || isLong);
  const look = isWaiting ? waitingBubble : "bg-bubble";

  const bubble = (
    <div className="group flex min-w-0 flex-col gap-1 self-stretch">
      <MessageFiles files={attachmentsOf(message)} author={texts.thread.youSaid} />
      {message.content.trim() !== "" && (
        <div className={`${bubbleOfUser} ${look}`} data-user="">
          <span className="sr-only">{texts.thread.youSaid}: </span>
          <UserText text={message.content} id={message.id} />
        </div>
      )}
      <MessageStatus
        message={message}
        task={task}
        position={position}
        hasReceipt={props.isNewest || isOpen}
        hasTime={props.hasTime}
        isChangeable={isChangeable}
      />
    </div>
  );
  const close = () => {
    stopEditing(message.id);
    focusComposer();
  };
  return (
    <>
      {(editing === "queued" && isUntouched) || editing === "revision" ? null : bubble}
      <Suspense fallback={null}>
        {/* The editor keeps its text if the agent starts in the meantime. */}
        {editing === "queued" && (
          <QueuedMessageEditor message={message} isLate={!isUntouched} onClose={close} />
        )}
        {editing === "revision" && <RevisionEditor message={message} onClose={close} />}
      </Suspense>
    </>
  );
});

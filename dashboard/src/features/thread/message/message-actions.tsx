import { ApiError, client } from "@/api/client";
import type { Message } from "@/api/models";
import { reportFailure } from "@/components/report-failure";
import { RequireWriteAccess } from "@/components/require-write-access";
import { TextButton } from "@/components/ui/button";
import { notify } from "@/components/ui/toast";
import { store } from "@/stream/store";
import { findCurrentTask } from "@/stream/turns";
import { texts } from "@/texts";
import { useIsBranchFixed } from "../branches/branch-actions";
import { stopTask } from "../task-actions";
import { startEditing } from "./message-editing";

/** The actions on a queued message: send it now, edit it, and remove it. */
export function QueuedActions({ message, position }: { message: Message; position: number }) {
  return (
    <RequireWriteAccess>
      <span className="ms-2 flex gap-x-3 pointer-coarse:gap-x-4">
        {position === 1 && (
          <TextButton onClick={() => interrupt(message.chat_session_id)}>
            {texts.receipt.sendNow}
          </TextButton>
        )}
        <TextButton onClick={() => startEditing(message, "queued")}>
          {texts.receipt.edit}
        </TextButton>
        <TextButton onClick={() => void removeQueued(message)}>{texts.receipt.remove}</TextButton>
      </span>
    </RequireWriteAccess>
  );
}

/** Edits a message whose turn has ended. */
export function EditAgain({ message }: { message: Message }) {
  const isFixed = useIsBranchFixed(message.chat_session_id);
  return (
    <RequireWriteAccess>
      {!isFixed && (
        <TextButton
          className="reveal me-1 text-ink-3 hover:text-ink print:hidden"
          title={texts.branches.editHint}
          onClick={() => startEditing(message, "revision")}
        >
          {texts.receipt.edit}
        </TextButton>
      )}
    </RequireWriteAccess>
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

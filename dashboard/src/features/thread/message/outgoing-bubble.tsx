import { attachmentsOf } from "@/api/models";
import { restoreFiles } from "@/attachments/pending-files";
import { TextButton } from "@/components/ui/button";
import { readDraft, writeDraft } from "@/drafts";
import type { OutgoingMessage } from "@/outbox/outgoing-message";
import { outbox } from "@/outbox/use-outbox";
import { texts } from "@/texts";
import { explainProblem } from "@/texts/explain";
import { MessageFiles } from "./message-files";
import { bubbleOfUser, waitingBubble } from "./user-bubble";
import { UserText } from "./user-text";

/** A message that the server has not accepted yet. */
export function OutgoingBubble({
  message,
  draftKey,
}: {
  message: OutgoingMessage;
  draftKey: string;
}) {
  const isSending = message.state === "sending";
  const waiting = message.waitingFiles ?? [];
  const isFailed = message.state === "failed";
  const look = isFailed
    ? "border-[1.5px] border-bad/60 bg-bad-soft"
    : isSending
      ? "bg-bubble"
      : waitingBubble;
  return (
    <>
      <MessageFiles
        files={attachmentsOf(message)}
        waiting={waiting}
        author={texts.thread.youSaid}
      />
      {message.content.trim() !== "" && (
        <div className={`${bubbleOfUser} animate-rise ${look}`}>
          <span className="sr-only">{texts.thread.youSaid}: </span>
          <UserText text={message.content} id={message.key} />
        </div>
      )}
      <div
        className={`flex flex-wrap justify-end gap-x-2 gap-y-1 self-end px-1 pb-2 text-end text-small pointer-coarse:gap-y-3 ${isFailed ? "text-bad" : "text-ink-3"}`}
      >
        <span>{describe(message)}</span>
        {isSending && waiting.length > 0 && <DiscardButton messageKey={message.key} />}
        {!isSending && (
          <span className="flex gap-x-3 pointer-coarse:gap-x-4">
            <TextButton onClick={() => outbox.retry(message.key)}>
              {isFailed ? texts.common.retry : texts.receipt.sendNow}
            </TextButton>
            {isFailed && (
              <TextButton onClick={() => moveToComposer(message, draftKey)}>
                {texts.receipt.edit}
              </TextButton>
            )}
            <DiscardButton messageKey={message.key} />
          </span>
        )}
      </div>
    </>
  );
}

function DiscardButton({ messageKey }: { messageKey: string }) {
  return (
    <TextButton onClick={() => void outbox.discard(messageKey)}>{texts.receipt.discard}</TextButton>
  );
}

function describe({ state, reason }: OutgoingMessage): string {
  if (state === "sending") return texts.receipt.sending;
  const what = state === "waiting" ? texts.receipt.waitingToSend : texts.receipt.notSent;
  // A lost connection is shown elsewhere.
  return reason && reason.code !== "network" ? `${what} · ${explainProblem(reason)}` : what;
}

/** Moves the message to the composer, before the current draft. */
function moveToComposer(message: OutgoingMessage, draftKey: string): void {
  const { key, content, attachments = [], waitingFiles = [] } = message;
  restoreFiles(draftKey, { attachments, waitingFiles });
  writeDraft(draftKey, [content, readDraft(draftKey)].filter(Boolean).join("\n\n"));
  void outbox.discard(key, true);
}

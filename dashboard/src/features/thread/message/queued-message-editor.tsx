import { ApiError, client } from "@/api/client";
import { attachmentsOf, type Message } from "@/api/models";
import { reportFailure } from "@/components/report-failure";
import { notify } from "@/components/ui/toast";
import { outbox } from "@/outbox/use-outbox";
import { texts } from "@/texts";
import { MessageFiles } from "./message-files";
import { MessageForm } from "./message-form";

/**
 * An editor for a message that the agent has not started on yet. If the agent starts in the
 * meantime, the text is kept and can be sent as a new message. The server does not support changes
 * to the files of a message, so they are only shown.
 */
export function QueuedMessageEditor(props: {
  message: Message;
  isLate: boolean;
  onClose: () => void;
}) {
  const { message, isLate } = props;
  const files = attachmentsOf(message);

  async function save(text: string): Promise<boolean> {
    if (text === message.content) return true;
    const { id, chat_session_id: sessionId, seq: baseline } = message;
    if (isLate) {
      await outbox.add({ sessionId, content: text, baseline });
      return true;
    }
    try {
      await client.PATCH("/v1/chat/{id}/messages/{mid}", {
        params: { path: { id: sessionId, mid: id } },
        body: { content: text },
      });
      return true;
    } catch (error) {
      const hasBegun = error instanceof ApiError && error.status === 409;
      if (hasBegun) notify(texts.receipt.alreadyStarted);
      else reportFailure(error);
      return false;
    }
  }

  return (
    <MessageForm
      label={texts.receipt.editLabel}
      messageId={message.id}
      text={message.content}
      canBeBlank={false}
      saveLabel={isLate ? texts.receipt.sendAsNew : texts.common.save}
      problem={isLate ? texts.receipt.alreadyStarted : null}
      onClose={props.onClose}
      onSave={save}
    >
      {!isLate && files.length > 0 && (
        <div className="mt-1 mb-1.5 flex flex-col gap-1.5">
          <MessageFiles files={files} author={texts.thread.youSaid} />
          <p className="self-end px-1 text-ink-3 text-small">{texts.receipt.filesKept}</p>
        </div>
      )}
    </MessageForm>
  );
}

import { useState } from "react";
import { ApiError, client } from "@/api/client";
import { attachmentsOf, type Message } from "@/api/models";
import { reportFailure } from "@/components/report-failure";
import { Button } from "@/components/ui/button";
import { notify } from "@/components/ui/toast";
import { outbox } from "@/outbox/use-outbox";
import { texts } from "@/texts";
import { MessageFiles } from "./message-files";

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
  const { message, isLate, onClose } = props;
  const [text, setText] = useState(message.content);
  const [isBusy, setBusy] = useState(false);
  const files = attachmentsOf(message);
  const canSave = text.trim() !== "" && !isBusy;

  async function save() {
    if (!canSave) return;
    if (text === message.content) return onClose();
    setBusy(true);
    if (isLate) {
      const { chat_session_id: sessionId, seq: baseline } = message;
      await outbox.add({ sessionId, content: text, baseline });
      return onClose();
    }
    const path = { id: message.chat_session_id, mid: message.id };
    try {
      await client.PATCH("/v1/chat/{id}/messages/{mid}", {
        params: { path },
        body: { content: text },
      });
      onClose();
    } catch (error) {
      setBusy(false);
      const hasBegun = error instanceof ApiError && error.status === 409;
      if (hasBegun) notify(texts.receipt.alreadyStarted);
      else reportFailure(error);
    }
  }

  function onKeyDown(event: React.KeyboardEvent) {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault();
      onClose();
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void save();
    }
  }

  return (
    <div className="mb-2 w-full max-w-[88%] self-end rounded-bubble border-[1.5px] border-line-strong border-dashed p-2.5 md:max-w-[72%]">
      <textarea
        // biome-ignore lint/a11y/noAutofocus: it replaces the button that was just pressed.
        autoFocus
        aria-label={texts.receipt.editLabel}
        value={text}
        rows={Math.min(8, text.split("\n").length + 1)}
        onChange={(event) => setText(event.target.value)}
        onFocus={({ target }) => target.setSelectionRange(text.length, text.length)}
        onKeyDown={onKeyDown}
        className="w-full resize-none bg-transparent px-1 outline-0"
      />
      {!isLate && files.length > 0 && (
        <div className="mt-1 mb-1.5 flex flex-col gap-1.5">
          <MessageFiles files={files} author={texts.thread.youSaid} />
          <p className="self-end px-1 text-ink-3 text-small">{texts.receipt.filesKept}</p>
        </div>
      )}
      <p role="status" className="px-1 text-small text-warn empty:hidden">
        {isLate && texts.receipt.alreadyStarted}
      </p>
      <div className="mt-1 flex justify-end gap-2">
        <Button size="small" onClick={onClose}>
          {texts.common.cancel}
        </Button>
        <Button size="small" variant="solid" disabled={!canSave} onClick={() => void save()}>
          {isLate ? texts.receipt.sendAsNew : texts.common.save}
        </Button>
      </div>
    </div>
  );
}

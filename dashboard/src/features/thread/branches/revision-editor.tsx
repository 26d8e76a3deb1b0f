import { FileText, X } from "lucide-react";
import { useRef, useState } from "react";
import { attachmentsOf, type Message } from "@/api/models";
import { addressOf, isImage } from "@/attachments/attachment";
import { IconButton } from "@/components/ui/button";
import { newId } from "@/identifier";
import { texts } from "@/texts";
import { formatBytes } from "@/texts/formats";
import { editOf, keepEdit } from "../message/message-editing";
import { MessageForm } from "../message/message-form";
import { reviseMessage, useIsBranchFixed } from "./branch-actions";

/** The size of pictures, which are also sharp on screens with a high resolution. */
const PICTURE_PX = 80;

/** An editor for a message that the agent has answered. Saving it starts another version. */
export function RevisionEditor({ message, onClose }: { message: Message; onClose: () => void }) {
  const isFixed = useIsBranchFixed(message.chat_session_id);
  const [removed, setRemoved] = useState(() => editOf(message.id)?.removed ?? []);
  const files = attachmentsOf(message).filter(({ id }) => !removed.includes(id));
  // The same content is sent with the same key, so that a repeated request has no effect.
  const sent = useRef({ body: "", key: "" });

  function remove(id: string) {
    const ids = [...removed, id];
    setRemoved(ids);
    keepEdit(message.id, { removed: ids });
  }

  async function save(content: string): Promise<boolean> {
    if (isFixed) return false;
    const attachments = files.map(({ id }) => id);
    const body = JSON.stringify([content, attachments]);
    if (sent.current.body !== body) sent.current = { body, key: newId() };
    return reviseMessage(message, { content, attachments }, sent.current.key);
  }

  return (
    <MessageForm
      label={texts.branches.editLabel}
      messageId={message.id}
      text={message.content}
      canBeBlank={files.length > 0}
      saveLabel={texts.composer.send}
      problem={isFixed ? texts.branches.busy : null}
      isBlocked={isFixed}
      onClose={onClose}
      onSave={save}
    >
      {files.length > 0 && (
        <ul aria-label={texts.files.list} className="mt-1 mb-1.5 flex flex-wrap justify-end gap-2">
          {files.map((file) => (
            <li
              key={file.id}
              className="flex max-w-full items-center gap-2.5 rounded-xl border border-line bg-surface p-1.5 ps-2"
            >
              {isImage(file.media_type) ? (
                <img
                  src={`${addressOf(file)}?thumbnail=${PICTURE_PX}`}
                  alt=""
                  className="size-9 rounded-md object-cover"
                />
              ) : (
                <FileText size={18} aria-hidden="true" className="text-ink-3" />
              )}
              <span className="min-w-0 max-w-[200px]">
                <bdi className="block truncate text-note">{file.name}</bdi>
                <span className="text-ink-3 text-small">{formatBytes(file.size)}</span>
              </span>
              <IconButton
                label={texts.files.remove(file.name)}
                onClick={({ currentTarget }) => {
                  const form = currentTarget.closest("[data-message-form]");
                  remove(file.id);
                  form?.querySelector("textarea")?.focus();
                }}
              >
                <X size={16} />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <p className="px-1 text-ink-3 text-small">{texts.branches.editHint}</p>
    </MessageForm>
  );
}

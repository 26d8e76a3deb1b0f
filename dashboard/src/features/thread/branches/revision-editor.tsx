import { FileText, X } from "lucide-react";
import { useRef, useState } from "react";
import { useAgents } from "@/api/agents";
import { attachmentsOf, type Message } from "@/api/models";
import { AttachButton } from "@/attachments/attach-button";
import { addressOf, isImage } from "@/attachments/attachment";
import PendingFileList from "@/attachments/pending-file-list";
import { addFiles, MAX_FILES, takeFiles, useFiles } from "@/attachments/pending-files";
import { IconButton } from "@/components/ui/button";
import { notify } from "@/components/ui/toast";
import { newId } from "@/identifier";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";
import { formatBytes } from "@/texts/formats";
import { addedFilesOf, editOf, keepEdit } from "../message/message-editing";
import { MessageForm } from "../message/message-form";
import { reviseMessage, useIsBranchFixed } from "./branch-actions";

/** The size of pictures, which are also sharp on screens with a high resolution. */
const PICTURE_PX = 80;

/** Moves the focus to the text of the form, because the button is removed. */
function focusField(button: Element): void {
  button.closest("[data-message-form]")?.querySelector("textarea")?.focus();
}

/** Returns whether the chat's agent accepts files. */
function useAcceptsFiles(sessionId: string): boolean {
  const agents = useAgents().data;
  const agentKey = useStore(({ sessions }) => sessions[sessionId]?.value?.agent_key);
  const accepts = agents?.find(({ key }) => key === agentKey)?.accepts;
  return accepts?.images === true || accepts?.files === true;
}

/** An editor for a message that the agent has answered. Saving it starts another version. */
export function RevisionEditor({ message, onClose }: { message: Message; onClose: () => void }) {
  const isFixed = useIsBranchFixed(message.chat_session_id);
  const [removed, setRemoved] = useState(() => editOf(message.id)?.removed ?? []);
  const files = attachmentsOf(message).filter(({ id }) => !removed.includes(id));
  const addedKey = addedFilesOf(message.id);
  const added = useFiles(addedKey);
  const canAttach = useAcceptsFiles(message.chat_session_id);
  // Every file must be on the server before the message is sent.
  const isComplete = added.every(({ attachment }) => attachment !== null);
  // The same content is sent with the same key, so that a repeated request has no effect.
  const sent = useRef({ body: "", key: "" });

  function remove(id: string) {
    const ids = [...removed, id];
    setRemoved(ids);
    keepEdit(message.id, { removed: ids });
  }

  function add(chosen: readonly File[]) {
    const room = Math.max(0, MAX_FILES - files.length - added.length);
    addFiles(addedKey, chosen.slice(0, room));
    if (chosen.length > room) notify(texts.files.tooMany(MAX_FILES));
  }

  async function save(content: string): Promise<boolean> {
    if (isFixed || !isComplete) return false;
    const uploaded = added.flatMap(({ attachment }) => attachment?.id ?? []);
    const attachments = [...files.map(({ id }) => id), ...uploaded];
    const body = JSON.stringify([content, attachments]);
    if (sent.current.body !== body) sent.current = { body, key: newId() };
    const isSent = await reviseMessage(message, { content, attachments }, sent.current.key);
    if (isSent) takeFiles(addedKey).forget();
    return isSent;
  }

  return (
    <MessageForm
      label={texts.branches.editLabel}
      messageId={message.id}
      text={message.content}
      canBeBlank={files.length + added.length > 0}
      saveLabel={texts.composer.send}
      problem={isFixed ? texts.branches.busy : null}
      isBlocked={isFixed || !isComplete}
      actions={canAttach && <AttachButton onFiles={add} />}
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
                  focusField(currentTarget);
                  remove(file.id);
                }}
              >
                <X size={16} />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      {added.length > 0 && (
        <PendingFileList
          draftKey={addedKey}
          files={added}
          onRemoved={(button) => focusField(button)}
        />
      )}
      <p className="px-1 text-ink-3 text-small">{texts.branches.editHint}</p>
    </MessageForm>
  );
}

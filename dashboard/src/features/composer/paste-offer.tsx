import { X } from "lucide-react";
import { type RefObject, useCallback, useEffect, useState } from "react";
import { addFiles, MAX_FILES, removeFile } from "@/attachments/pending-files";
import { IconButton, TextButton } from "@/components/ui/button";
import { notify } from "@/components/ui/toast";
import { useDraft, writeDraft } from "@/drafts";
import { texts } from "@/texts";
import { formatBytes } from "@/texts/formats";
import type { PastedText } from "./pasted-text";

/** The name of files with pasted text. Agents read it, so it does not depend on the language. */
const FILE_NAME = "pasted.txt";

/**
 * Offers to attach a long pasted text as a file, as long as the draft contains it. Undoing that
 * brings the text back and removes the file; redoing it does the opposite.
 */
export function PasteOffer(props: {
  draftKey: string;
  pasted: PastedText;
  field: RefObject<HTMLTextAreaElement | null>;
  onDismiss: () => void;
}) {
  const { draftKey, pasted, field, onDismiss } = props;
  const draft = useDraft(draftKey);
  const [fileKey, setFileKey] = useState<string | null>(null);
  const [isUndone, setUndone] = useState(false);
  const isOffered = fileKey === null && draft.includes(pasted.text);

  /** Adds the text as a file. Returns whether the message has room for it. */
  const add = useCallback(() => {
    const file = new File([pasted.text], FILE_NAME, { type: "text/plain" });
    const [key = null] = addFiles(draftKey, [file]);
    setFileKey(key);
    return key !== null;
  }, [draftKey, pasted]);

  function attach() {
    if (!add()) return notify(texts.files.tooMany(MAX_FILES));
    if (field.current) remove(field.current, pasted, (rest) => writeDraft(draftKey, rest));
  }

  useEffect(() => {
    const onInput = (event: Event) => {
      if (!(event instanceof InputEvent) || event.target !== field.current) return;
      const isInText = field.current?.value.includes(pasted.text);
      if (event.inputType === "historyUndo" && isInText && fileKey !== null) {
        removeFile(draftKey, fileKey);
        setFileKey(null);
        setUndone(true);
      } else if (event.inputType === "historyRedo" && !isInText && isUndone && fileKey === null)
        add();
    };
    // A listener of the field itself would be called before React knows about the change.
    window.addEventListener("input", onInput);
    return () => window.removeEventListener("input", onInput);
  }, [field, draftKey, pasted, fileKey, isUndone, add]);

  if (!isOffered) return null;
  return (
    <div className="mb-2 flex flex-wrap items-center gap-x-4 rounded-xl border border-line py-1 ps-3.5 pe-1 text-note">
      <p className="min-w-0 flex-1">{texts.composer.pasted(formatBytes(pasted.bytes))}</p>
      <TextButton onClick={attach}>{texts.composer.attachPasted}</TextButton>
      <IconButton
        label={texts.composer.keepPasted}
        onClick={() => {
          onDismiss();
          field.current?.focus();
        }}
      >
        <X size={16} aria-hidden="true" />
      </IconButton>
    </div>
  );
}

/** Removes the pasted text from the field, as a change that the user can undo. */
function remove(
  field: HTMLTextAreaElement,
  { text, start }: PastedText,
  write: (rest: string) => void,
): void {
  const { value } = field;
  const from = value.startsWith(text, start) ? start : value.indexOf(text);
  if (from < 0) return;
  field.focus();
  field.setSelectionRange(from, from + text.length);
  // Only this deprecated function keeps the browser's history of changes.
  if (!document.execCommand("delete"))
    write(value.slice(0, from) + value.slice(from + text.length));
}

import { type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { notify } from "@/components/ui/toast";
import { useAutoHeight } from "@/components/ui/use-auto-height";
import { isSendKey } from "@/keyboard";
import { usePreferences } from "@/preferences";
import { texts } from "@/texts";
import {
  discardAddedFiles,
  editOf,
  endOpening,
  isJustOpened,
  keepEdit,
  restoreEdit,
} from "./message-editing";

/** A form for the text of a message, in the place of the message. */
export function MessageForm(props: {
  label: string;
  /** The ID of the message. The text is kept with it across reloads. */
  messageId: string;
  text: string;
  /** Whether a text without visible characters can be saved. */
  canBeBlank: boolean;
  saveLabel: string;
  /** What the user should know before saving, if there is anything. */
  problem: string | null;
  /** Whether the form cannot be saved now. */
  isBlocked?: boolean;
  onClose: () => void;
  /** Saves the text. Returns false if that failed. */
  onSave: (text: string) => Promise<boolean>;
  /** Buttons before the others. */
  actions?: ReactNode;
  /** Shown below the text. */
  children?: ReactNode;
}) {
  const { onClose } = props;
  const [text, setText] = useState(() => editOf(props.messageId)?.text ?? props.text);
  const sendsOnEnter = usePreferences().sendWith === "enter";
  const [isOpened] = useState(() => isJustOpened(props.messageId));
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const end = field.current?.value.length ?? 0;
    field.current?.setSelectionRange(end, end);
    endOpening(props.messageId);
  }, [props.messageId]);
  const [isBusy, setBusy] = useState(false);
  const canSave = (text.trim() !== "" || props.canBeBlank) && !isBusy && !props.isBlocked;

  useAutoHeight(field, text);

  /** Closes the form. What the user has changed can be restored. */
  function cancel() {
    const edit = editOf(props.messageId);
    const added = discardAddedFiles(props.messageId);
    const isChanged =
      (edit?.text ?? props.text) !== props.text ||
      (edit?.removed ?? []).length > 0 ||
      added.length > 0;
    onClose();
    if (edit && isChanged)
      notify(texts.branches.editDiscarded, {
        label: texts.common.undo,
        run: () => restoreEdit(props.messageId, edit, added),
      });
  }

  async function save() {
    if (!canSave) return;
    setBusy(true);
    if (await props.onSave(text)) onClose();
    else setBusy(false);
  }

  function onKeyDown(event: React.KeyboardEvent) {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault();
      cancel();
    }
    if (isSendKey(event, sendsOnEnter)) {
      event.preventDefault();
      void save();
    }
  }

  return (
    <div
      data-message-form=""
      className="mb-2 w-full max-w-[88%] self-end rounded-bubble border-[1.5px] border-line-strong border-dashed p-2.5 md:max-w-[72%]"
    >
      <textarea
        ref={field}
        // biome-ignore lint/a11y/noAutofocus: it replaces the button that was just pressed.
        autoFocus={isOpened}
        aria-label={props.label}
        value={text}
        rows={2}
        onChange={({ target }) => {
          setText(target.value);
          keepEdit(props.messageId, { text: target.value });
        }}
        onKeyDown={onKeyDown}
        className="max-h-[calc(0.4*var(--visible-height,100dvh))] w-full resize-none bg-transparent px-1 outline-0"
      />
      {props.children}
      <p role="status" className="px-1 text-small text-warn empty:hidden">
        {props.problem}
      </p>
      <div className="mt-1 flex items-center justify-end gap-2">
        {props.actions}
        <Button size="small" onClick={cancel}>
          {texts.common.cancel}
        </Button>
        <Button size="small" variant="solid" disabled={!canSave} onClick={() => void save()}>
          {props.saveLabel}
        </Button>
      </div>
    </div>
  );
}

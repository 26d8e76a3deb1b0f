import { type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { isSendKey } from "@/keyboard";
import { usePreferences } from "@/preferences";
import { texts } from "@/texts";
import { editOf, endOpening, isJustOpened, keepEdit } from "./message-editing";

/** A form for the text of a message, in the place of the message. */
export function MessageForm(props: {
  label: string;
  /** The ID of the message. The text is kept with it across reloads. */
  messageId: string;
  text: string;
  /** Whether a text without visible characters can be saved. */
  canBeBlank: boolean;
  saveLabel: string;
  /** Why the form cannot be saved now, if there is a reason. */
  problem: string | null;
  onClose: () => void;
  /** Saves the text. Returns false if that failed. */
  onSave: (text: string) => Promise<boolean>;
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
  const canSave = (text.trim() !== "" || props.canBeBlank) && !isBusy;

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
      onClose();
    }
    if (isSendKey(event, sendsOnEnter)) {
      event.preventDefault();
      void save();
    }
  }

  return (
    <div className="mb-2 w-full max-w-[88%] self-end rounded-bubble border-[1.5px] border-line-strong border-dashed p-2.5 md:max-w-[72%]">
      <textarea
        ref={field}
        // biome-ignore lint/a11y/noAutofocus: it replaces the button that was just pressed.
        autoFocus={isOpened}
        aria-label={props.label}
        value={text}
        rows={Math.min(8, text.split("\n").length + 1)}
        onChange={({ target }) => {
          setText(target.value);
          keepEdit(props.messageId, { text: target.value });
        }}
        onKeyDown={onKeyDown}
        className="w-full resize-none bg-transparent px-1 outline-0"
      />
      {props.children}
      <p role="status" className="px-1 text-small text-warn empty:hidden">
        {props.problem}
      </p>
      <div className="mt-1 flex justify-end gap-2">
        <Button size="small" onClick={onClose}>
          {texts.common.cancel}
        </Button>
        <Button size="small" variant="solid" disabled={!canSave} onClick={() => void save()}>
          {props.saveLabel}
        </Button>
      </div>
    </div>
  );
}

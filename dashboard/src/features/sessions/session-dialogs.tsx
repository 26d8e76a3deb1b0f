import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { texts } from "@/texts";

const MAX_TITLE = 200;

export function RenameDialog(props: {
  title: string;
  onClose: () => void;
  onRename: (title: string) => Promise<boolean>;
}) {
  const [title, setTitle] = useState(props.title);
  const trimmed = title.trim();

  async function submit(event: React.FormEvent) {
    event.preventDefault();
    if (trimmed === "") return;
    if (trimmed === props.title || (await props.onRename(trimmed))) props.onClose();
  }

  return (
    <Dialog title={texts.actions.renameTitle} onClose={props.onClose}>
      <form onSubmit={submit}>
        <input
          aria-label={texts.actions.renameLabel}
          value={title}
          maxLength={MAX_TITLE}
          onChange={(event) => setTitle(event.target.value)}
          onFocus={(event) => event.target.select()}
          onKeyDown={(event) => {
            // During an IME composition, Enter confirms the composition rather than submitting the
            // form.
            if (event.key === "Enter" && (event.nativeEvent.isComposing || event.keyCode === 229))
              event.preventDefault();
          }}
          className="mt-1 h-10 w-full rounded-[10px] border border-line-strong bg-bg px-3"
        />
        <div className="mt-5 flex justify-end gap-2">
          <Button onClick={props.onClose}>{texts.common.cancel}</Button>
          <Button variant="solid" type="submit" disabled={trimmed === ""}>
            {texts.common.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export function DeleteDialog(props: {
  title: string;
  onClose: () => void;
  onDelete: () => Promise<void>;
}) {
  const [isBusy, setBusy] = useState(false);
  return (
    <Dialog title={texts.actions.deleteTitle} onClose={props.onClose}>
      <p className="text-ink-2 text-note [overflow-wrap:anywhere]">
        {texts.actions.deleteBody(props.title)}
      </p>
      <div className="mt-5 flex justify-end gap-2">
        <Button onClick={props.onClose}>{texts.common.cancel}</Button>
        <Button
          variant="danger"
          disabled={isBusy}
          onClick={async () => {
            setBusy(true);
            await props.onDelete();
            props.onClose();
          }}
        >
          {texts.actions.confirmDelete}
        </Button>
      </div>
    </Dialog>
  );
}

import { Archive, ArchiveRestore, MailOpen, Trash2, X } from "lucide-react";
import { useState } from "react";
import type { Session } from "@/api/models";
import { IconButton } from "@/components/ui/button";
import { texts } from "@/texts";
import { type BulkAction, runBulkAction } from "./bulk-actions";
import { DeleteDialog } from "./session-dialogs";

const icon = { size: 17, strokeWidth: 1.9 };

/** The number of selected sessions, and the actions on all of them. */
export function SelectionBar(props: {
  sessions: readonly Session[];
  isArchive: boolean;
  onClear: () => void;
  /** Called after an action, with the sessions that it was done for. */
  onDone: (action: BulkAction, sessions: readonly Session[]) => void;
  /** Called with the sessions for which archiving was undone. */
  onRestored: (sessions: readonly Session[]) => void;
}) {
  const { sessions, isArchive } = props;
  const [isBusy, setBusy] = useState(false);
  const [isDeleting, setDeleting] = useState(false);

  async function run(action: BulkAction) {
    setBusy(true);
    const { done } = await runBulkAction(action, sessions, props.onRestored);
    setBusy(false);
    props.onDone(action, done);
  }

  return (
    <div
      role="toolbar"
      aria-label={texts.selection.label}
      className="flex min-w-0 flex-1 items-center gap-1"
    >
      <IconButton label={texts.selection.clear} onClick={props.onClear} className="-ms-2">
        <X {...icon} />
      </IconButton>
      <p role="status" className="min-w-0 flex-1 truncate font-[620] tabular-nums">
        {texts.selection.count(sessions.length)}
      </p>
      {!isArchive && (
        <IconButton
          label={texts.selection.markRead}
          disabled={isBusy}
          onClick={() => void run("read")}
        >
          <MailOpen {...icon} />
        </IconButton>
      )}
      <IconButton
        label={isArchive ? texts.selection.restore : texts.selection.archive}
        disabled={isBusy}
        onClick={() => void run(isArchive ? "restore" : "archive")}
      >
        {isArchive ? <ArchiveRestore {...icon} /> : <Archive {...icon} />}
      </IconButton>
      <IconButton
        label={texts.selection.delete}
        disabled={isBusy}
        onClick={() => setDeleting(true)}
        className="text-bad!"
      >
        <Trash2 {...icon} />
      </IconButton>
      {isDeleting && (
        <DeleteDialog
          heading={texts.selection.deleteTitle(sessions.length)}
          body={
            sessions.length === 1
              ? texts.actions.deleteBody(sessions[0]?.title || texts.sessions.untitled)
              : texts.selection.deleteBody
          }
          onClose={() => setDeleting(false)}
          onDelete={() => run("delete")}
        />
      )}
    </div>
  );
}

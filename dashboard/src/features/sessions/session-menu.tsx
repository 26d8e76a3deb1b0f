import {
  Archive,
  ArchiveRestore,
  Ellipsis,
  Mail,
  PencilLine,
  Pin,
  PinOff,
  Trash2,
} from "lucide-react";
import { useState } from "react";
import { useCanWrite } from "@/api/me";
import type { Session } from "@/api/models";
import { Menu, type MenuItem } from "@/components/ui/menu";
import { texts } from "@/texts";
import { archiveSession, changeSession, deleteSession, markUnread } from "./session-actions";
import { DeleteDialog, RenameDialog } from "./session-dialogs";

const iconProps = { size: 16, strokeWidth: 1.9 };

/** A session's menu. `onLeave` closes the session's view. */
export function SessionMenu(props: {
  session: Session;
  onLeave?: (() => Promise<void>) | undefined;
  className?: string;
}) {
  const { session, onLeave } = props;
  const canWrite = useCanWrite();
  const [dialog, setDialog] = useState<"rename" | "delete" | null>(null);
  const { id } = session;
  const isArchived = session.status === "archived";
  const isPinned = session.pinned_at !== null;
  const hasAnswer = session.last_message?.role === "assistant" || session.last_seq > 1;

  const items: MenuItem[] = [
    {
      label: texts.actions.rename,
      icon: <PencilLine {...iconProps} />,
      onSelect: () => setDialog("rename"),
    },
  ];
  if (!isArchived)
    items.push({
      label: isPinned ? texts.actions.unpin : texts.actions.pin,
      icon: isPinned ? <PinOff {...iconProps} /> : <Pin {...iconProps} />,
      onSelect: () => void changeSession(id, { pinned: !isPinned }),
    });
  if (!isArchived && hasAnswer && session.unread_count === 0)
    items.push({
      label: texts.actions.markUnread,
      icon: <Mail {...iconProps} />,
      onSelect: async () => {
        // An open thread would be marked as read immediately.
        await onLeave?.();
        await markUnread(id);
      },
    });
  items.push(
    isArchived
      ? {
          label: texts.actions.restore,
          icon: <ArchiveRestore {...iconProps} />,
          onSelect: () => void changeSession(id, { status: "active" }),
        }
      : {
          label: texts.actions.archive,
          icon: <Archive {...iconProps} />,
          onSelect: async () => {
            if (await archiveSession(id)) await onLeave?.();
          },
        },
    {
      label: texts.actions.delete,
      icon: <Trash2 {...iconProps} />,
      onSelect: () => setDialog("delete"),
      isDangerous: true,
    },
  );

  if (!canWrite) return null;
  return (
    <>
      <Menu
        label={texts.common.moreActions}
        icon={<Ellipsis size={18} />}
        items={items}
        {...(props.className ? { className: props.className } : {})}
      />
      {dialog === "rename" && (
        <RenameDialog
          title={session.title}
          onClose={() => setDialog(null)}
          onRename={(title) => changeSession(id, { title })}
        />
      )}
      {dialog === "delete" && (
        <DeleteDialog
          title={session.title || texts.sessions.untitled}
          onClose={() => setDialog(null)}
          onDelete={async () => {
            if (await deleteSession(id)) await onLeave?.();
          }}
        />
      )}
    </>
  );
}

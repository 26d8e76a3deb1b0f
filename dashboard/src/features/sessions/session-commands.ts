/** The commands of a session, which its menu and the palette offer. */
import {
  Archive,
  ArchiveRestore,
  Bot,
  Download,
  Link2,
  type LucideIcon,
  Mail,
  PencilLine,
  Pin,
  PinOff,
  Trash2,
} from "lucide-react";
import type { Session } from "@/api/models";
import { texts } from "@/texts";
import { archiveSession, changeSession, copyLink, markUnread } from "./session-actions";
import type { ChatView } from "./use-chat-view";

/** A dialog that a command opens. */
export type SessionDialogKind = "export" | "rename" | "agent" | "delete";

export interface SessionCommand {
  readonly id: string;
  readonly label: string;
  readonly icon: LucideIcon;
  readonly run: () => void;
  readonly isDangerous?: boolean;
}

/** Returns the commands that apply to a session, in the order of the menu. */
export function listSessionCommands(about: {
  session: Session;
  /** Whether the user may make changes. */
  canWrite: boolean;
  /** The view of the session, if it is open. */
  view: ChatView | undefined;
  openDialog: (kind: SessionDialogKind) => void;
}): readonly SessionCommand[] {
  const { session, view, openDialog } = about;
  const { id } = session;
  const link: SessionCommand = {
    id: "link",
    label: texts.actions.copyLink,
    icon: Link2,
    run: () => void copyLink(id),
  };
  const exportChat: SessionCommand = {
    id: "export",
    label: texts.archive.exportOne,
    icon: Download,
    run: () => openDialog("export"),
  };
  if (!about.canWrite) return [exportChat, link];
  const isArchived = session.status === "archived";
  const isPinned = session.pinned_at !== null;
  const hasAnswer = session.last_message?.role === "assistant" || session.last_seq > 1;

  const commands: SessionCommand[] = [
    exportChat,
    {
      id: "rename",
      label: texts.actions.rename,
      icon: PencilLine,
      run: () => openDialog("rename"),
    },
  ];
  if (!isArchived && session.active_task === null)
    commands.push({
      id: "agent",
      label: texts.actions.changeAgent,
      icon: Bot,
      run: () => openDialog("agent"),
    });
  if (!isArchived)
    commands.push({
      id: "pin",
      label: isPinned ? texts.actions.unpin : texts.actions.pin,
      icon: isPinned ? PinOff : Pin,
      run: () => void changeSession(id, { pinned: !isPinned }),
    });
  if (!isArchived && hasAnswer && session.unread_count === 0)
    commands.push({
      id: "unread",
      label: texts.actions.markUnread,
      icon: Mail,
      run: async () => {
        // An open thread would be marked as read immediately.
        await view?.leave();
        await markUnread(id);
      },
    });
  commands.push(
    link,
    isArchived
      ? {
          id: "restore",
          label: texts.actions.restore,
          icon: ArchiveRestore,
          run: () => void changeSession(id, { status: "active" }),
        }
      : {
          id: "archive",
          label: texts.actions.archive,
          icon: Archive,
          run: async () => {
            if (await archiveSession(id, () => view?.comeBack(id))) await view?.leave();
          },
        },
    {
      id: "delete",
      label: texts.actions.delete,
      icon: Trash2,
      run: () => openDialog("delete"),
      isDangerous: true,
    },
  );
  return commands;
}

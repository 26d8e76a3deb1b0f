import type { Session } from "@/api/models";
import type { MenuItem } from "@/components/ui/menu";
import { SessionMenu } from "@/features/sessions/session-menu";
import { useChatView } from "@/features/sessions/use-chat-view";
import { listThreadCommands } from "@/features/thread/thread-commands";

/** The menu of the open chat: the commands of its thread and those of the session. */
export default function ChatMenu({ session }: { session: Session }) {
  const view = useChatView();
  return <SessionMenu session={session} view={view} items={listMenuItems(session.id)} />;
}

/** Returns the menu items for the open thread. */
function listMenuItems(sessionId: string): readonly MenuItem[] {
  return listThreadCommands(sessionId).map(({ label, icon: Icon, run }) => ({
    label,
    icon: <Icon size={16} strokeWidth={1.9} />,
    onSelect: run,
  }));
}

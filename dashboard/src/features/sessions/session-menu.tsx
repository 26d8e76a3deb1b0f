import { Ellipsis } from "lucide-react";
import { useState } from "react";
import { useCanWrite } from "@/api/me";
import type { Session } from "@/api/models";
import { Menu, type MenuItem } from "@/components/ui/menu";
import { texts } from "@/texts";
import { LazySessionDialog } from "./lazy-session-dialog";
import { listSessionCommands, type SessionDialogKind } from "./session-commands";

import type { ChatView } from "./use-chat-view";

/** A session's menu. */
export function SessionMenu(props: {
  session: Session;
  /** The accessible name; "More actions" by default. */
  label?: string;
  /** The view of the session, if it is open. */
  view?: ChatView | undefined;
  /** Additional items, which precede the others. */
  items?: readonly MenuItem[];
  className?: string;
}) {
  const { session, view } = props;
  const canWrite = useCanWrite();
  const [dialog, setDialog] = useState<SessionDialogKind | null>(null);
  const commands = listSessionCommands({ session, canWrite, view, openDialog: setDialog });
  const items: readonly MenuItem[] = commands.map(({ icon: Icon, run, ...command }) => ({
    ...command,
    icon: <Icon size={16} strokeWidth={1.9} />,
    onSelect: run,
  }));
  return (
    <>
      <Menu
        label={props.label ?? texts.common.moreActions}
        icon={<Ellipsis size={18} />}
        items={[...(props.items ?? []), ...items]}
        {...(props.className ? { className: props.className } : {})}
      />
      {dialog && (
        <LazySessionDialog
          kind={dialog}
          session={session}
          view={view}
          onClose={() => setDialog(null)}
        />
      )}
    </>
  );
}

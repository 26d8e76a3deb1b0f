/** The dialogs that can be opened from any view. They are loaded after the first view. */
import { useNavigate } from "@tanstack/react-router";
import { Archive, Keyboard, Moon, PanelLeft, Plus, Settings, Sun } from "lucide-react";
import { useCallback, useMemo } from "react";
import { useAgents } from "@/api/agents";
import { useCanWrite } from "@/api/me";
import { AgentAvatar } from "@/components/agent-avatar";
import type { Command } from "@/features/palette/commands";
import { Palette } from "@/features/palette/palette";
import type { MessagePlace } from "@/features/palette/use-found-messages";
import type { SessionDialogKind } from "@/features/sessions/session-commands";
import { SessionDialog } from "@/features/sessions/session-dialogs";
import { useChatView } from "@/features/sessions/use-chat-view";
import { HelpDialog } from "@/features/settings/help-dialog";
import { SettingsDialog } from "@/features/settings/settings-dialog";
import { SignOut } from "@/features/settings/sign-out";
import { requestFind } from "@/features/thread/find/find-in-chat";
import { countEdits, stopEdits } from "@/features/thread/message/message-editing";
import { formatKeys } from "@/keyboard";
import { changePreferences, toggleSidebar } from "@/preferences";
import { compareSessions } from "@/stream/session-order";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";
import { useChatCommands, useOpenSession } from "./use-chat-commands";

export type Overlay = "palette" | "settings" | "help" | SessionDialogKind;

const edits = { count: countEdits, clear: () => stopEdits() };

/** The open dialog. */
export function OverlayDialog(props: {
  overlay: Overlay;
  onOpen: (overlay: Overlay) => void;
  onClose: () => void;
}) {
  switch (props.overlay) {
    case "palette":
      return <CommandPalette onOpen={props.onOpen} onClose={props.onClose} />;
    case "settings":
      return (
        <SettingsDialog onClose={props.onClose}>
          <SignOut edits={edits} />
        </SettingsDialog>
      );
    case "help":
      return <HelpDialog onClose={props.onClose} />;
    case "export":
    case "rename":
    case "agent":
    case "delete":
      return <OpenSessionDialog kind={props.overlay} onClose={props.onClose} />;
    default:
      return props.overlay satisfies never;
  }
}

/** A dialog for the open chat. */
function OpenSessionDialog(props: { kind: SessionDialogKind; onClose: () => void }) {
  const session = useOpenSession();
  const view = useChatView();
  if (!session) return null;
  return <SessionDialog kind={props.kind} session={session} view={view} onClose={props.onClose} />;
}

function CommandPalette(props: { onOpen: (overlay: Overlay) => void; onClose: () => void }) {
  const { onOpen } = props;
  const navigate = useNavigate();
  const sessions = useStore((state) => state.sessions);
  const { data: agents } = useAgents();
  const canWrite = useCanWrite();
  const ofChat = useChatCommands(onOpen);

  const commands = useMemo((): readonly Command[] => {
    const known = Object.values(sessions).flatMap(({ value }) => (value ? [value] : []));
    const icon = { size: 17, strokeWidth: 1.9 };
    const chats = known.sort(compareSessions).map((session) => {
      const agent = agents?.find(({ key }) => key === session.agent_key);
      return {
        id: session.id,
        group: texts.palette.chats,
        label: session.title || texts.sessions.untitled,
        words: `${agent?.name ?? session.agent_key} ${session.last_message?.preview ?? ""}`,
        icon:
          session.status === "archived" ? (
            <Archive {...icon} />
          ) : (
            <AgentAvatar
              agentKey={session.agent_key}
              name={agent?.name}
              avatar={agent?.avatar}
              size="small"
            />
          ),
        run: () => void navigate({ to: "/chat/$sessionId", params: { sessionId: session.id } }),
      };
    });
    const available = canWrite ? (agents ?? []).filter((agent) => agent.available) : [];
    const starts = available.map((agent) => ({
      id: `agent-${agent.key}`,
      group: texts.palette.agents,
      label: texts.palette.chatWith(agent.name),
      words: agent.description,
      icon: (
        <AgentAvatar agentKey={agent.key} name={agent.name} avatar={agent.avatar} size="small" />
      ),
      run: () => void navigate({ to: "/new", search: { agent: agent.key } }),
    }));
    const action = (id: string, label: string, Icon: typeof Plus, run: () => void, keys = "") => ({
      id,
      group: texts.palette.actions,
      label,
      icon: <Icon {...icon} />,
      keys,
      run,
    });
    const newChat = action(
      "new",
      texts.sessions.newChat,
      Plus,
      () => void navigate({ to: "/new" }),
      formatKeys("Mod", "Shift", "O"),
    );
    return [
      ...chats,
      ...starts,
      ...ofChat,
      ...(canWrite ? [newChat] : []),
      action("sidebar", texts.sidebar.toggle, PanelLeft, toggleSidebar, formatKeys("Mod", "\\")),
      action("settings", texts.settings.title, Settings, () => onOpen("settings")),
      action("help", texts.help.title, Keyboard, () => onOpen("help"), formatKeys("Mod", "/")),
      action("dark", texts.palette.darkTheme, Moon, () => changePreferences({ theme: "dark" })),
      action("light", texts.palette.lightTheme, Sun, () => changePreferences({ theme: "light" })),
    ];
  }, [sessions, agents, navigate, onOpen, canWrite, ofChat]);

  const openMessage = useCallback(
    ({ sessionId, turn, role, text }: MessagePlace) => {
      requestFind({ sessionId, query: text, match: { turn, role } });
      void navigate({ to: "/chat/$sessionId", params: { sessionId } });
    },
    [navigate],
  );
  return <Palette commands={commands} onOpenMessage={openMessage} onClose={props.onClose} />;
}

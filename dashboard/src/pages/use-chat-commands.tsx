import { useParams } from "@tanstack/react-router";
import { Square } from "lucide-react";
import { useMemo } from "react";
import { useCanWrite } from "@/api/me";
import type { Session } from "@/api/models";
import type { Command } from "@/features/palette/commands";
import { listSessionCommands, type SessionDialogKind } from "@/features/sessions/session-commands";
import { useChatView } from "@/features/sessions/use-chat-view";
import { stopTask } from "@/features/thread/task-actions";
import { listThreadCommands } from "@/features/thread/thread-commands";
import { formatKeys } from "@/keyboard";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";

const icon = { size: 17, strokeWidth: 1.9 };

/** Returns the open chat, or null. */
export function useOpenSession(): Session | null {
  const { sessionId = "" } = useParams({ strict: false });
  return useStore((state) => state.sessions[sessionId]?.value ?? null);
}

/** Returns the palette's commands for the open chat. */
export function useChatCommands(openDialog: (kind: SessionDialogKind) => void): readonly Command[] {
  const session = useOpenSession();
  const canWrite = useCanWrite();
  const view = useChatView();
  return useMemo(() => {
    if (!session) return [];
    const { id, active_task } = session;
    const isContextual = true;
    const group = texts.palette.thisChat;
    const commands: Command[] = listSessionCommands({ session, canWrite, view, openDialog }).map(
      ({ id, label, icon: Icon, run }) => ({
        id: `chat-${id}`,
        group,
        label,
        icon: <Icon {...icon} />,
        run,
        isContextual,
      }),
    );
    const ofThread = listThreadCommands(id).map(({ icon: Icon, ...command }) => ({
      ...command,
      id: `chat-${command.id}`,
      group,
      icon: <Icon {...icon} />,
      isContextual,
    }));
    commands.unshift(...ofThread);
    if (active_task && canWrite)
      commands.unshift({
        id: "chat-stop",
        group,
        label: texts.palette.stop,
        icon: <Square {...icon} />,
        keys: formatKeys("Escape"),
        run: () => void stopTask(id, active_task.id),
        isContextual,
      });
    return commands;
  }, [session, canWrite, view, openDialog]);
}

/** The commands of the open thread, which its menu and the palette offer. */
import { FileDiff, ListTree, type LucideIcon, Paperclip, Printer, TextSearch } from "lucide-react";
import { formatKeys } from "@/keyboard";
import { store } from "@/stream/store";
import { texts } from "@/texts";
import { openChanges } from "./changes/changes";
import { openFiles } from "./files/files";
import { openFind } from "./find/find-in-chat";
import { printChat } from "./print-chat";
import { openQuestions } from "./questions/questions";

export interface ThreadCommand {
  readonly id: string;
  readonly label: string;
  readonly icon: LucideIcon;
  /** The shortcut, or an empty string. */
  readonly keys: string;
  readonly run: () => void;
}

/** Returns the commands, in the order of the menu. */
export function listThreadCommands(sessionId: string): readonly ThreadCommand[] {
  const hasFolder = Boolean(store.getState().sessions[sessionId]?.value?.folder);
  return [
    {
      id: "find",
      label: texts.find.open,
      icon: TextSearch,
      keys: formatKeys("Mod", "F"),
      run: () => openFind(),
    },
    {
      id: "questions",
      label: texts.questions.open,
      icon: ListTree,
      keys: formatKeys("Mod", "J"),
      run: () => openQuestions(),
    },
    {
      id: "files",
      label: texts.files.open,
      icon: Paperclip,
      keys: "",
      run: () => openFiles(),
    },
    ...(hasFolder
      ? [
          {
            id: "changes",
            label: texts.changes.open,
            icon: FileDiff,
            keys: "",
            run: () => openChanges(null),
          },
        ]
      : []),
    {
      id: "print",
      label: texts.print.open,
      icon: Printer,
      keys: "",
      run: () => void printChat(sessionId),
    },
  ];
}

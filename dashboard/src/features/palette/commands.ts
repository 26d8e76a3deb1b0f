/** The palette's commands, and a function that searches them. */
import type { ReactNode } from "react";
import { locale } from "@/texts/language";
import type { Snippet } from "./snippet";

/** A message that a search found. */
export interface FoundMessage extends Snippet {
  readonly createdAt: string;
}

export interface Command {
  readonly id: string;
  readonly group: string;
  readonly label: string;
  readonly icon: ReactNode;
  /** Additional words to search. */
  readonly words?: string;
  readonly keys?: string;
  /** The message that opens, if the command opens one. */
  readonly message?: FoundMessage;
  /** Whether the command concerns the open chat. These come first as long as the query is empty. */
  readonly isContextual?: boolean;
  /** Whether the palette stays open. */
  readonly staysOpen?: boolean;
  readonly run: () => void;
}

/** The maximum number of commands in a group, or of all commands if the query is empty. */
const MAX_RESULTS = 30;
/** The number of chats that are shown before the commands and messages that match a query. */
const MAX_CHATS = 5;

/**
 * Returns the commands that contain all words of the query. In each group, commands whose labels
 * start with the query come first.
 */
export function findCommands(commands: readonly Command[], query: string): readonly Command[] {
  const wanted = query.trim().toLocaleLowerCase(locale);
  const words = wanted.split(/\s+/);
  const found = commands.filter(({ label, words: more }) => {
    const text = `${label} ${more ?? ""}`.toLocaleLowerCase(locale);
    return words.every((word) => text.includes(word));
  });
  if (wanted === "") {
    const others = found.filter(({ isContextual }) => !isContextual);
    return [...found.filter(({ isContextual }) => isContextual), ...others].slice(0, MAX_RESULTS);
  }
  const groups = [...new Set(found.map(({ group }) => group))];
  const rank = ({ group, label }: Command) =>
    groups.indexOf(group) * 2 + Number(!label.toLocaleLowerCase(locale).startsWith(wanted));
  const sorted = found.sort((a, b) => rank(a) - rank(b));
  return groups.flatMap((name) =>
    sorted.filter(({ group }) => group === name).slice(0, MAX_RESULTS),
  );
}

/**
 * Replaces all but the first chats that were found with the command that `makeMore` returns. It
 * receives their number.
 */
export function foldChats(
  found: readonly Command[],
  chats: string,
  makeMore: (count: number) => Command,
): readonly Command[] {
  const all = found.filter(({ group }) => group === chats);
  const count = all.length - MAX_CHATS;
  // The command would take as much room as a single chat.
  if (count <= 1) return found;
  const others = found.filter(({ group }) => group !== chats);
  return [...all.slice(0, MAX_CHATS), makeMore(count), ...others];
}

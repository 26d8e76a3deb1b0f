/** Finds the messages of a chat that contain a text. */
import type { Message } from "@/api/models";
import { toSearchableText } from "@/markdown/plain-markdown";
import type { Turn } from "@/stream/turns";
import { toPlainText } from "@/terminal/screen";
import { fold } from "./folded-text";

/** A message that contains the text. */
export interface Match {
  readonly turn: number;
  readonly role: Message["role"];
}

const foldedOf = new WeakMap<Message, string>();

/** Returns the folded text of a message, as it is rendered. */
function foldContent(message: Message, isMarkdown: boolean): string {
  const known = foldedOf.get(message);
  if (known !== undefined) return known;
  const hasSyntax = isMarkdown && message.role === "assistant";
  const folded = fold(hasSyntax ? toSearchableText(message.content) : toPlainText(message.content));
  foldedOf.set(message, folded);
  return folded;
}

/**
 * Returns the matches among turns that are in the store, in order. `isMarkdown` is whether answers
 * are rendered as Markdown.
 */
export function findInTurns(
  turns: readonly Turn[],
  term: string,
  isMarkdown: boolean,
): readonly Match[] {
  if (term.trim() === "") return [];
  return turns.flatMap(({ turn, user, answer }) => {
    const found: Match[] = [];
    if (user && foldContent(user, isMarkdown).includes(term)) found.push({ turn, role: "user" });
    if (answer && foldContent(answer, isMarkdown).includes(term))
      found.push({ turn, role: "assistant" });
    return found;
  });
}

/** Orders matches as they appear in the thread. */
export function compareMatches(a: Match, b: Match): number {
  return a.turn - b.turn || Number(a.role === "assistant") - Number(b.role === "assistant");
}

/** Returns the index of the first match at or after a turn, or else of the last one. */
export function findNearest(matches: readonly Match[], turn: number): number {
  const index = matches.findIndex((match) => match.turn >= turn);
  return index < 0 ? matches.length - 1 : index;
}

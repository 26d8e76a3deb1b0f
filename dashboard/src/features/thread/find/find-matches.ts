/** Finds the messages of a chat that contain a text. */
import type { Message } from "@/api/models";
import type { Turn } from "@/stream/turns";
import { fold } from "./folded-text";

/** A message that contains the text. */
export interface Match {
  readonly turn: number;
  readonly role: Message["role"];
}

const foldedOf = new WeakMap<Message, string>();

/** Returns the folded content; for an answer, with and without the marks of emphasis. */
function foldContent(message: Message): string {
  const known = foldedOf.get(message);
  if (known !== undefined) return known;
  const source = fold(message.content);
  const plain = message.role === "user" ? source : source.replace(/[*_`~]+/g, "");
  const folded = plain === source ? source : `${source}\n${plain}`;
  foldedOf.set(message, folded);
  return folded;
}

/** Returns the matches among turns that are in the store, in order. */
export function findInTurns(turns: readonly Turn[], term: string): readonly Match[] {
  if (term.trim() === "") return [];
  return turns.flatMap(({ turn, user, answer }) => {
    const found: Match[] = [];
    if (user && foldContent(user).includes(term)) found.push({ turn, role: "user" });
    if (answer && foldContent(answer).includes(term)) found.push({ turn, role: "assistant" });
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

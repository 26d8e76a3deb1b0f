/**
 * The scroll positions of chats. They are kept in the tab's session storage, so that they survive a
 * reload.
 */
import * as v from "valibot";

const KEY = "banter.positions";
/** The maximum number of chats whose positions are kept. */
const MAX_CHATS = 100;

const schema = v.record(
  v.string(),
  v.object({
    /** The turn at the top of the view. */
    turn: v.number(),
    /** The distance from the top of the view to the top of the turn, in pixels. */
    offset: v.number(),
  }),
);

export type Position = v.InferOutput<typeof schema>[string];

function readAll(): Readonly<Record<string, Position>> {
  try {
    return v.parse(schema, JSON.parse(sessionStorage.getItem(KEY) ?? "{}"));
  } catch {
    // Storage is disabled or its content is malformed.
    return {};
  }
}

/** Returns the position of a chat, or null if it was at its end. */
export function readPosition(sessionId: string): Position | null {
  return readAll()[sessionId] ?? null;
}

/** Stores the position of a chat; null if it is at its end. */
export function savePosition(sessionId: string, position: Position | null): void {
  const { [sessionId]: _old, ...others } = readAll();
  const kept = Object.entries(others).slice(1 - MAX_CHATS);
  const entries = position ? [...kept, [sessionId, position] as const] : kept;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries(entries)));
  } catch {
    // Storage is disabled or full, so the chat opens at its end.
  }
}

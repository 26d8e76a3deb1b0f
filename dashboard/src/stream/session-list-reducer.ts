/** Merges fetched pages into the list of sessions. */
import type { Session } from "@/api/models";
import { compareSessions } from "./session-order";
import { type Action, type Entries, type ListedStatus, put, type State } from "./state";

/**
 * Merges a page of a list. Removes the known sessions that the page should contain but does not,
 * unless their known state is newer.
 */
export function mergeList(
  known: Entries<Session>,
  fetched: Extract<Action, { type: "sessions.fetched" }>,
): Entries<Session> {
  const { items, page, status, asOf } = fetched;
  const listed = new Set(items.map((item) => item.id));
  const last = items.at(-1);
  const isMissing = ({ seq, value }: Entries<Session>[string]) =>
    value !== null &&
    value.status === status &&
    seq <= asOf.seq &&
    !listed.has(value.id) &&
    (page.after === null || compareSessions(value, page.after) > 0) &&
    (page.isLast || (last !== undefined && compareSessions(value, last) < 0));
  const kept = Object.entries(known).filter(([, entry]) => !isMissing(entry));
  let sessions: Entries<Session> = Object.fromEntries(kept);
  for (const item of items) sessions = put(sessions, item.id, asOf.seq, item);
  return sessions;
}

/** Returns the new `listedTo` of a list after another page has been fetched. */
export function extendListed(
  known: State["listedTo"][ListedStatus],
  { items, page }: Extract<Action, { type: "sessions.fetched" }>,
): typeof known {
  const last = items.at(-1);
  if (page.isLast) return "end";
  if (known === "end" || last === undefined) return known;
  return known !== null && compareSessions(last, known) < 0 ? known : last;
}

/**
 * Merges all unread sessions. Marks all other sessions as read unless their known state is newer.
 */
export function mergeUnread(
  known: Entries<Session>,
  items: readonly Session[],
  seq: number,
): Entries<Session> {
  const unread = new Set(items.map((item) => item.id));
  const settled = Object.entries(known).map(([id, entry]) => {
    const isRead = entry.seq <= seq && entry.value?.unread_count && !unread.has(id);
    return [id, isRead ? { ...entry, value: { ...entry.value, unread_count: 0 } } : entry];
  });
  let sessions: Entries<Session> = Object.fromEntries(settled);
  for (const item of items) sessions = put(sessions, item.id, seq, item);
  return sessions;
}

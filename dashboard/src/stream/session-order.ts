/** The order of sessions, and the lists derived from the state. */
import type { Session } from "@/api/models";
import type { Entries, ListedStatus, State } from "./state";

/**
 * Compares sessions. Pinned sessions come first, then the most recently active ones. Ties are
 * broken by ID, so that rows never swap.
 */
export function compareSessions(a: Session, b: Session): number {
  const byPin = Number(b.pinned_at !== null) - Number(a.pinned_at !== null);
  if (byPin !== 0) return byPin;
  const byActivity = b.last_activity_at.localeCompare(a.last_activity_at);
  return byActivity !== 0 ? byActivity : b.id.localeCompare(a.id);
}

export function listSessions(sessions: Entries<Session>, status: ListedStatus): Session[] {
  return Object.values(sessions)
    .flatMap(({ value }) => (value?.status === status ? [value] : []))
    .sort(compareSessions);
}

/**
 * Returns the sessions up to `last`, and the open chat. If `last` is null or `end`, returns all
 * known sessions.
 *
 * Searches, links, and unread answers also load sessions below `last`. Showing these would hide the
 * gap between them and `last`.
 */
export function listWithoutGap(
  sessions: Entries<Session>,
  status: ListedStatus,
  last: State["listedTo"][ListedStatus],
  openId = "",
): Session[] {
  const all = listSessions(sessions, status);
  if (last === null || last === "end") return all;
  return all.filter((session) => compareSessions(session, last) <= 0 || session.id === openId);
}

export function countUnread(sessions: State["sessions"]): number {
  return Object.values(sessions).reduce((sum, { value }) => sum + (value?.unread_count ?? 0), 0);
}

/** The order of sessions, and the lists derived from the state. */
import type { Session } from "@/api/models";
import type { Entries, ListedStatus, State } from "./state";

/**
 * Orders pinned sessions first, then by latest activity. Ties are broken by ID, so that rows never
 * swap.
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
 * Returns the part of a list that is known without a gap, which ends at `last`, as well as the open
 * chat. Searches, links, and unread answers load other sessions too. Showing those below `last`
 * would hide the gap.
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

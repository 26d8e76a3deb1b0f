import type { Session } from "@/api/models";
import { texts } from "@/texts";
import { locale } from "@/texts/language";
import { formatDay, formatMonth, isSameDay } from "@/time";

export interface SessionGroup {
  readonly label: string;
  /** Whether these sessions wait for the user. */
  readonly isCalling: boolean;
  readonly sessions: readonly Session[];
}

const DAY_MS = 86_400_000;

function labelOf(session: Session, isArchive: boolean, nowMs: number): string {
  if (session.pinned_at && !isArchive) return texts.sessions.pinned;
  const at = session.last_activity_at;
  const age = nowMs - Date.parse(at);
  if (isSameDay(at, new Date(nowMs).toISOString())) return formatDay(at, nowMs);
  if (isSameDay(at, new Date(nowMs - DAY_MS).toISOString())) return formatDay(at, nowMs);
  return age < 7 * DAY_MS ? texts.sessions.lastSevenDays : formatMonth(at);
}

/**
 * Groups an ordered list of sessions: those that wait for the user, pinned (except in the archive),
 * today, yesterday, previous 7 days, and one group for each earlier month.
 */
export function groupSessions(
  sessions: readonly Session[],
  about: {
    isArchive: boolean;
    /** Returns whether a session waits for the user. */
    isCalling: (session: Session) => boolean;
    nowMs: number;
  },
): readonly SessionGroup[] {
  const calling = sessions.filter(about.isCalling);
  const groups: { label: string; isCalling: boolean; sessions: Session[] }[] = [];
  if (calling.length > 0)
    groups.push({ label: texts.sessions.needsYou, isCalling: true, sessions: calling });
  for (const session of sessions) {
    if (about.isCalling(session)) continue;
    const label = labelOf(session, about.isArchive, about.nowMs);
    const group = groups.find((one) => one.label === label);
    if (group) group.sessions.push(session);
    else groups.push({ label, isCalling: false, sessions: [session] });
  }
  return groups;
}

/** Returns whether every word of the query occurs in the title or preview, ignoring case. */
export function matches(session: Session, query: string): boolean {
  const title = session.title || texts.sessions.untitled;
  const text = `${title} ${session.last_message?.preview ?? ""}`.toLocaleLowerCase(locale);
  const words = query.toLocaleLowerCase(locale).split(/\s+/);
  return words.every((word) => text.includes(word));
}

import type { Session } from "@/api/models";
import { texts } from "@/texts";
import { language } from "@/texts/language";
import { formatDay, isSameDay } from "@/time";

export interface SessionGroup {
  readonly label: string;
  readonly sessions: readonly Session[];
}

const DAY_MS = 86_400_000;

const month = new Intl.DateTimeFormat(language, { month: "long", year: "numeric" });

function labelOf(session: Session, isArchive: boolean, nowMs: number): string {
  if (session.pinned_at && !isArchive) return texts.sessions.pinned;
  const at = session.last_activity_at;
  const age = nowMs - Date.parse(at);
  if (isSameDay(at, new Date(nowMs).toISOString())) return formatDay(at, nowMs);
  if (isSameDay(at, new Date(nowMs - DAY_MS).toISOString())) return formatDay(at, nowMs);
  return age < 7 * DAY_MS ? texts.sessions.lastSevenDays : month.format(Date.parse(at));
}

/**
 * Groups an ordered list of sessions: pinned (except in the archive), today, yesterday, previous 7
 * days, and one group for each earlier month.
 */
export function groupSessions(
  sessions: readonly Session[],
  isArchive: boolean,
  nowMs: number,
): readonly SessionGroup[] {
  const groups: { label: string; sessions: Session[] }[] = [];
  for (const session of sessions) {
    const label = labelOf(session, isArchive, nowMs);
    const group = groups.find((one) => one.label === label);
    if (group) group.sessions.push(session);
    else groups.push({ label, sessions: [session] });
  }
  return groups;
}

/** Returns whether every word of the query occurs in the title or preview, ignoring case. */
export function matches(session: Session, query: string): boolean {
  const title = session.title || texts.sessions.untitled;
  const text = `${title} ${session.last_message?.preview ?? ""}`.toLocaleLowerCase(language);
  const words = query.toLocaleLowerCase(language).split(/\s+/);
  return words.every((word) => text.includes(word));
}

/** The order of sessions and turns, and the views derived from it. */
import { isEnded, type Message, type Session, type Task } from "@/api/models";
import type { Entries, ListedStatus, State, Thread } from "./state";

/** Orders pinned sessions first, then by latest activity. The id breaks ties, so rows never swap. */
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
 * Returns the part of a list that is known without a gap, down to `last`, and the open chat. Searches,
 * links, and unread answers load other sessions too; below `last`, they would hide the gap.
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

/** One exchange: a user's message and its answer. */
export interface Turn {
  readonly turn: number;
  readonly user: Message | null;
  readonly answer: Message | null;
}

const turnsOf = new WeakMap<Thread["messages"], readonly Turn[]>();

/** Returns the transcript in order: the same array while no message changes. */
export function listTurns(messages: Thread["messages"]): readonly Turn[] {
  const known = turnsOf.get(messages);
  if (known) return known;
  const turns = new Map<number, { turn: number; user: Message | null; answer: Message | null }>();
  for (const { value } of Object.values(messages)) {
    if (!value) continue;
    const turn = turns.get(value.turn) ?? { turn: value.turn, user: null, answer: null };
    if (value.role === "user") turn.user = value;
    else turn.answer = value;
    turns.set(value.turn, turn);
  }
  const ordered = [...turns.values()].sort((a, b) => a.turn - b.turn);
  turnsOf.set(messages, ordered);
  return ordered;
}

/**
 * Returns the task that runs now or next, which Stop cancels. Null if there is none or it has not
 * been fetched.
 */
export function findCurrentTask(
  session: Session,
  messages: Thread["messages"],
  tasks: Thread["tasks"],
): Task | null {
  if (session.active_task) return session.active_task;
  const open = listTurns(messages).flatMap(({ user }) => {
    const task = tasks[user?.task_id ?? ""]?.value;
    return task && !isEnded(task.status) ? [task] : [];
  });
  return (open.length >= session.queued_count && open[0]) || null;
}

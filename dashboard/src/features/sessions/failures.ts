/**
 * Failed turns that the user has not looked at.
 *
 * The server's read position says which messages have been seen on any device: opening a chat moves
 * it past a message whose turn failed. A retry fails without a new message, so the device also
 * remembers which failures were seen on it.
 */
import * as v from "valibot";
import { isEnded, type Session, type Task } from "@/api/models";
import { createObservable, useObservable } from "@/observable";
import type { NewestTurn } from "./newest-turn";

const KEY = "banter.seen-failures";
/** How many failures are remembered. */
const MAX_SEEN = 200;

/** The last failure seen of each session: the task's ID and attempt, by session ID. */
export type SeenFailures = Readonly<Record<string, string>>;

const nameOf = (task: Task) => `${task.id} ${task.attempt}`;

/** Returns whether a turn ended with an error, so that the user has to act. */
export function isFailure(task: Task | null): task is Task {
  return task?.status === "failed" || task?.status === "interrupted";
}

/** Returns whether the newest turn of a session failed and the user has not seen it. */
export function isUnseenFailure(
  session: Session,
  { task, user, answer }: NewestTurn,
  seen: string | undefined,
): boolean {
  const isOver = session.active_task === null && session.queued_count === 0;
  if (!isFailure(task) || !isOver || session.status === "archived") return false;
  if (seen === nameOf(task)) return false;
  const lastSeq = answer?.seq ?? user?.seq ?? 0;
  return lastSeq > session.last_read_seq || seen?.startsWith(`${task.id} `) === true;
}

function read(): SeenFailures {
  try {
    return v.parse(v.record(v.string(), v.string()), JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    // Storage is disabled or its content is malformed.
    return {};
  }
}

const seenFailures = createObservable<SeenFailures>(read());

window.addEventListener("storage", (event) => {
  if (event.key === KEY) seenFailures.set(read());
});

export function useSeenFailures(): SeenFailures {
  return useObservable(seenFailures);
}

function store(next: SeenFailures): void {
  seenFailures.set(next);
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Storage is disabled or full, so the failures are remembered until the page is reloaded.
  }
}

/** Remembers that the user has seen a failure. */
export function noteSeenFailure(task: Task): void {
  const { [task.chat_session_id]: known, ...others } = seenFailures.get();
  if (!isEnded(task.status) || known === nameOf(task)) return;
  const kept = Object.entries(others).slice(1 - MAX_SEEN);
  store({ ...Object.fromEntries(kept), [task.chat_session_id]: nameOf(task) });
}

/** Forgets the failure of a session that was marked as read, so that only the server decides. */
export function forgetSeenFailure(sessionId: string): void {
  const { [sessionId]: known, ...others } = seenFailures.get();
  if (known) store(others);
}

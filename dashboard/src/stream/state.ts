/**
 * The page's state: sessions and their threads.
 *
 * Each object is stored with the log position at which it was current (`Entry.seq`). Older data
 * never overwrites newer data, so events and responses may arrive in any order. This data is not in
 * the Query cache. Query only sends the requests.
 */
import type { Message, Partial, Session, Task } from "@/api/models";
import type { Cursor } from "./cursor";
import type { StreamEvent } from "./events";
import type { LiveText } from "./live-text";
import type { FetchedTask, TaskSteps } from "./task-steps";

/** An object and the log position at which it was current. A null `value` represents a deletion. */
interface Entry<T> {
  readonly seq: number;
  readonly value: T | null;
}

export type Entries<T> = Readonly<Record<string, Entry<T>>>;

/** Consecutive turns of a thread, all of which have been fetched. */
export interface TurnRange {
  /** The number of the first turn, or 0 if there are no older ones. */
  readonly first: number;
  /** The number of the last turn, or infinity if there are no newer ones. */
  readonly last: number;
}

export interface Thread {
  /** False until the first fetch. Events are collected even before then. */
  readonly isLoaded: boolean;
  readonly messages: Entries<Message>;
  /**
   * Messages from the stream whose turns precede the fetched ones. They are shown once their page
   * is fetched, because showing them earlier would hide the gap.
   */
  readonly detached: Entries<Message>;
  readonly tasks: Entries<Task>;
  /** The text so far of answers in progress, by task. */
  readonly live: Readonly<Record<string, LiveText>>;
  /** Whether older turns exist that have not been fetched. */
  readonly hasMore: boolean;
  /** The oldest turn fetched without a gap, or 0 if there are no older ones. */
  readonly firstTurn: number;
  /**
   * Older turns that were fetched around a turn that the user jumped to; null if there are none.
   * The turns between them and `firstTurn` have not been fetched.
   */
  readonly excerpt: TurnRange | null;
  /** The log position of the newest fetch, or `RESTORED_SEQ` if the thread was not fetched. */
  readonly fetchedAt: number;
  /** Whether events were missed since that fetch. If so, any part of the thread may be outdated. */
  readonly isStale: boolean;
  /** Increases when this thread must be fetched again because text or events were missed. */
  readonly gaps: number;
}

/** A typing indicator, valid until `expiresAt`. */
export interface Typing {
  readonly taskId: string;
  readonly expiresAt: string;
}

export interface State {
  /** The newest log position that was applied; null before the first fetch. */
  readonly position: Cursor | null;
  /** The position since which no events have been missed. */
  readonly origin: number;
  /**
   * Increases when everything must be fetched again: after a resync, after a gap, or because the
   * database was replaced.
   */
  readonly generation: number;
  readonly sessions: Entries<Session>;
  /** The log position of the newest fetch of each list's first page. */
  readonly listedAt: Readonly<Record<ListedStatus, number>>;
  /**
   * How far each list is known without a gap: up to a session, or to the `end` of the list. Null
   * before the first fetch.
   */
  readonly listedTo: Readonly<Record<ListedStatus, Session | "end" | null>>;
  readonly threads: Readonly<Record<string, Thread>>;
  readonly typing: Readonly<Record<string, Typing>>;
  /**
   * The steps of tasks. They are also kept for threads that are not open, because the stream sends
   * the steps of a running turn only once per connection.
   */
  readonly steps: Readonly<Record<string, TaskSteps>>;
}

export type ListedStatus = Session["status"];

/** The response to `GET /v1/chat/{id}`. */
export interface FetchedThread {
  readonly session: Session;
  readonly messages: readonly Message[];
  readonly has_more: boolean;
  readonly partial?: Partial | null;
}

export type Action =
  | { type: "event"; cursor: Cursor | null; event: StreamEvent }
  | {
      type: "sessions.fetched";
      status: ListedStatus;
      items: readonly Session[];
      /**
       * The last session of the previous page (null for the first page), and whether this is the
       * last page.
       */
      page: { after: Session | null; isLast: boolean };
      asOf: Cursor;
    }
  /** All sessions with unread answers, regardless of their position in the list. */
  | { type: "unread.fetched"; items: readonly Session[]; asOf: Cursor }
  | { type: "thread.opened"; sessionId: string }
  /** The session was just created. Its thread is empty, and every change arrives as an event. */
  | { type: "thread.created"; sessionId: string }
  | { type: "thread.fetched"; data: FetchedThread; asOf: Cursor }
  | { type: "task.fetched"; task: FetchedTask }
  | {
      type: "older.fetched";
      sessionId: string;
      /** The page contains turns before this one. */
      beforeTurn: number;
      /** The state's generation at the time of the request. */
      generation: number;
      items: readonly Message[];
      hasMore: boolean;
    }
  /** A page of turns that need not adjoin the ones fetched before. */
  | {
      type: "excerpt.fetched";
      sessionId: string;
      range: TurnRange;
      /** The state's generation and the thread's `fetchedAt` at the time of the request. */
      generation: number;
      fetchedAt: number;
      items: readonly Message[];
    }
  /** The 202 response to a sent message, which is shown until the event arrives. */
  | { type: "message.accepted"; message: Message; task: Task }
  /** A successful response that contains the session. */
  | { type: "session.accepted"; session: Session }
  /** A 404 response, or the 204 response to a permanent deletion. */
  | { type: "session.gone"; sessionId: string }
  /** A copy from the device, while the server cannot be reached. */
  | { type: "list.restored"; items: readonly Session[] }
  | { type: "thread.restored"; data: FetchedThread }
  /** The list has been fetched, so restored objects are no longer needed. */
  | { type: "restored.dropped"; openId: string | null };

/** The log position of objects that were restored from a copy or have not been fetched. */
export const RESTORED_SEQ = -1;

export const emptyThread: Thread = {
  isLoaded: false,
  messages: {},
  detached: {},
  tasks: {},
  live: {},
  hasMore: false,
  firstTurn: 0,
  excerpt: null,
  fetchedAt: RESTORED_SEQ,
  isStale: false,
  gaps: 0,
};

export const initialState: State = {
  position: null,
  origin: 0,
  generation: 0,
  sessions: {},
  listedAt: { active: -1, archived: -1 },
  listedTo: { active: null, archived: null },
  threads: {},
  typing: {},
  steps: {},
};

/** Returns the entries with `value` added as of `seq`, unless a newer value is known. */
export function put<T>(entries: Entries<T>, id: string, seq: number, value: T | null): Entries<T> {
  const known = entries[id];
  if (known && known.seq > seq) return entries;
  return { ...entries, [id]: { seq, value } };
}

/** Returns the record without one key, or the same object if the key is not in the record. */
export function without<T>(
  record: Readonly<Record<string, T>>,
  key: string,
): Readonly<Record<string, T>> {
  if (!(key in record)) return record;
  const { [key]: _gone, ...rest } = record;
  return rest;
}

/**
 * Everything the page knows about sessions and their threads.
 *
 * Guarantee: each object remembers the log position it was known at (`Entry.seq`), and an older
 * source never overwrites a newer one. So events and fetches may meet in any order.
 * Server data that is here is not in the Query cache; Query only runs the requests.
 */
import type { Message, Partial, Session, Task } from "@/api/models";
import type { Cursor } from "./cursor";
import type { StreamEvent } from "./events";
import type { LiveText } from "./live";
import type { FetchedTask, TaskSteps } from "./steps";

/** An object and the position it is known at; `value: null` is a deletion. */
interface Entry<T> {
  readonly seq: number;
  readonly value: T | null;
}

export type Entries<T> = Readonly<Record<string, Entry<T>>>;

export interface Thread {
  /** False until the first fetch has come; events are collected before that too. */
  readonly isLoaded: boolean;
  readonly messages: Entries<Message>;
  /**
   * Messages of turns before the fetched ones that the stream told of. They join the others
   * together with their page: alone they would hide that there is something in between.
   */
  readonly aside: Entries<Message>;
  readonly tasks: Entries<Task>;
  /** The text so far of running answers, by task. */
  readonly live: Readonly<Record<string, LiveText>>;
  /** Whether older turns exist that were not fetched yet. */
  readonly hasMore: boolean;
  /** The oldest turn of those that were fetched without a gap; 0 when there are no older ones. */
  readonly firstTurn: number;
  /** The position of the newest fetch. */
  readonly fetchedAt: number;
  /** Whether events were missed since that fetch, so that any of it may be old. */
  readonly isStale: boolean;
  /** Rises when this thread missed something and has to be fetched again. */
  readonly holes: number;
}

/** The sign of life of a running turn; it ends by itself at `expiresAt`. */
export interface Typing {
  readonly taskId: string;
  readonly expiresAt: string;
}

export interface State {
  /** The newest log position that was applied; null before the first fetch. */
  readonly position: Cursor | null;
  /** From here up to `position` nothing was missed. */
  readonly origin: number;
  /** Rises when everything has to be fetched again (resync, gap, another database). */
  readonly generation: number;
  readonly sessions: Entries<Session>;
  /** The position of the newest fetch of each list's first page. */
  readonly listedAt: Readonly<Record<ListedStatus, number>>;
  /** How far down each list is known without a gap: to this one, or to its end; null before. */
  readonly listedTo: Readonly<Record<ListedStatus, Session | "end" | null>>;
  readonly threads: Readonly<Record<string, Thread>>;
  readonly typing: Readonly<Record<string, Typing>>;
  /**
   * What the agents did, by task. Kept for threads that are not open too: the stream tells the
   * steps of a running turn only once.
   */
  readonly steps: Readonly<Record<string, TaskSteps>>;
}

export type ListedStatus = Session["status"];

/** What the api answers to `GET /v1/chat/{id}`. */
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
      /** The last session of the page before, null on the first; and whether none follow. */
      page: { after: Session | null; isLast: boolean };
      asOf: Cursor;
    }
  /** All sessions with unread answers, wherever in the list they stand. */
  | { type: "unread.fetched"; items: readonly Session[]; asOf: Cursor }
  | { type: "thread.opened"; sessionId: string }
  /** The session was made just now: its thread is empty, and all that comes will be told. */
  | { type: "thread.begun"; sessionId: string }
  | { type: "thread.fetched"; data: FetchedThread; asOf: Cursor }
  | { type: "task.fetched"; task: FetchedTask }
  | {
      type: "older.fetched";
      sessionId: string;
      /** What was asked for: the turns before this one. */
      beforeTurn: number;
      /** The state's generation when it was asked for. */
      generation: number;
      items: readonly Message[];
      hasMore: boolean;
    }
  /** A 202 to a send: shown at once, until the event about it comes. */
  | { type: "message.accepted"; message: Message; task: Task }
  /** A 2xx with the session after a change. */
  | { type: "session.accepted"; session: Session }
  /** A 404, or a 204 to a permanent delete. */
  | { type: "session.gone"; sessionId: string };

export const emptyThread: Thread = {
  isLoaded: false,
  messages: {},
  aside: {},
  tasks: {},
  live: {},
  hasMore: false,
  firstTurn: 0,
  fetchedAt: -1,
  isStale: false,
  holes: 0,
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

/** The entry map with `value` known at `seq`, unless something newer is known. */
export function put<T>(entries: Entries<T>, id: string, seq: number, value: T | null): Entries<T> {
  const known = entries[id];
  if (known && known.seq > seq) return entries;
  return { ...entries, [id]: { seq, value } };
}

/** The record without one key; the same object when it was not there. */
export function without<T>(
  record: Readonly<Record<string, T>>,
  key: string,
): Readonly<Record<string, T>> {
  if (!(key in record)) return record;
  const { [key]: _gone, ...rest } = record;
  return rest;
}

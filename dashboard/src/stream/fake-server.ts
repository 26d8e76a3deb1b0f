/**
 * An in-memory server for tests. It makes random changes, emits them as events, and responds to
 * fetches.
 *
 * Its log provides the same guarantees as the real server's: each change gets the next position, a
 * replayed event contains the current state of its object, and the replay of a change to a deleted
 * object is a deletion.
 */
import type { Message, Session } from "@/api/models";
import { at } from "@/test-objects";
import { type Cursor, formatCursor } from "./cursor";
import type { StreamEvent } from "./events";
import { FakeDatabase, type LogEntry } from "./fake-database";
import { type Random, RandomChanges } from "./random-changes";
import { compareSessions } from "./session-order";
import type { Action, FetchedThread, ListedStatus } from "./state";

export class FakeServer {
  readonly #database = new FakeDatabase();
  readonly #changes: RandomChanges;

  constructor(random: Random) {
    this.#changes = new RandomChanges(this.#database, random);
  }

  /** Returns a page of at most `limit` sessions, starting after `after`. */
  list(status: ListedStatus, after: Session | null, limit: number) {
    const all = this.#database
      .listSessions((session) => session.status === status)
      .filter((session) => after === null || compareSessions(session, after) > 0);
    return structuredClone({
      type: "sessions.fetched" as const,
      status,
      items: all.slice(0, limit),
      page: { after, isLast: all.length <= limit },
      asOf: this.#database.head,
    });
  }

  unread() {
    const items = this.#database.listSessions((session) => session.unread_count > 0);
    return structuredClone({ type: "unread.fetched" as const, items, asOf: this.#database.head });
  }

  countUnread(): number {
    return this.#database
      .listSessions(() => true)
      .reduce((sum, { unread_count }) => sum + unread_count, 0);
  }

  sessionIds(): readonly string[] {
    return [...this.#database.sessions.keys()];
  }

  /** Returns the newest `limit` turns of a session, or null if the session does not exist. */
  thread(id: string, limit: number): { data: FetchedThread; asOf: Cursor } | null {
    const session = this.#database.sessions.get(id);
    if (!session) return null;
    const all = this.#database.transcript(id);
    const turns = [...new Set(all.map(({ turn }) => turn))];
    const first = turns.at(-limit) ?? 0;
    const messages = all
      .filter(({ turn }) => turn >= first)
      .map((one) => this.#database.withTask(one));
    const running = session.active_task;
    const text = running && this.#database.texts.get(running.id);
    const partial = running && text ? this.#database.partialOf(running, text) : null;
    const data = { session, messages, has_more: turns.length > limit, partial };
    return structuredClone({ data, asOf: this.#database.head });
  }

  /** Returns up to `limit` turns before the turn `before`. */
  older(id: string, before: number, limit: number): { items: Message[]; hasMore: boolean } {
    const all = this.#database.transcript(id).filter(({ turn }) => turn < before);
    const turns = [...new Set(all.map(({ turn }) => turn))];
    const first = turns.at(-limit) ?? 0;
    const items = all
      .filter(({ turn }) => turn >= first)
      .map((one) => this.#database.withTask(one));
    return structuredClone({ items, hasMore: turns.length > limit });
  }

  /** Returns up to `limit` turns after the turn `after`. */
  newer(id: string, after: number, limit: number): { items: Message[]; hasMore: boolean } {
    const all = this.#database.transcript(id).filter(({ turn }) => turn > after);
    const turns = [...new Set(all.map(({ turn }) => turn))];
    const last = turns[limit - 1] ?? Number.POSITIVE_INFINITY;
    const items = all.filter(({ turn }) => turn <= last).map((one) => this.#database.withTask(one));
    return structuredClone({ items, hasMore: turns.length > limit });
  }

  /** Returns the events with which a stream starts when it resumes after a position. */
  replay(after: Cursor): Action[] {
    const cursor = formatCursor(after);
    const hello = { type: "hello", at, cursor, heartbeat_ms: 1, retry_ms: 1 } as const;
    const missed = this.#database.log.slice(after.seq).map((entry, index) => {
      const cursor = { epoch: "a", seq: after.seq + index + 1 };
      return { type: "event", cursor, event: this.#render(entry) } as const;
    });
    const partials = [...this.#database.sessions.values()].flatMap(({ active_task: task }) => {
      const text = task && this.#database.texts.get(task.id);
      if (!task || !text) return [];
      const about = {
        at,
        chat_session_id: task.chat_session_id,
        ...this.#database.partialOf(task, text),
      };
      return [
        { type: "event", cursor: null, event: { type: "message.partial", ...about } } as const,
      ];
    });
    return structuredClone([{ type: "event", cursor: null, event: hello }, ...missed, ...partials]);
  }

  /** Makes a random change. Returns its events. */
  step(): Action[] {
    const before = this.#database.log.length;
    const deltas = this.#changes.make();
    const events = this.#database.log.slice(before).map((entry, index) => {
      const cursor = { epoch: "a", seq: before + index + 1 };
      return { type: "event", cursor, event: this.#render(entry) } as const;
    });
    return structuredClone([...events, ...deltas]);
  }

  #render(entry: LogEntry): StreamEvent {
    const session = this.#database.sessions.get(entry.id);
    const about = { at, chat_session_id: entry.id };
    if (!session || entry.kind === "deleted") return { type: "session.deleted", ...about };
    if (entry.kind === "session") return { type: entry.type, ...about, session };
    const { message } = entry;
    const { role, task_id } = message;
    const task = this.#database.tasks.get(task_id);
    const exists = this.#database.messages.get(entry.id)?.includes(message);
    if (entry.kind === "task" && task && exists)
      return { type: "task.updated", ...about, task, session };
    if (entry.kind === "message" && exists)
      return { type: entry.type, ...about, message: this.#database.withTask(message), session };
    return { type: "message.deleted", ...about, message_id: message.id, role, task_id, session };
  }
}

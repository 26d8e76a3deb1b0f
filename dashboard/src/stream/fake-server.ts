/**
 * An in-memory server for tests. It makes random changes, emits them as events, and responds to fetches.
 * Its log has the same guarantees as the real one: each change has the next position, a replayed event
 * contains the current state of its object, and a deleted object is replayed as its deletion.
 */
import type { Message, Session, Task } from "@/api/models";
import { at, makeMessage, makeSession, makeTask } from "@/test-objects";
import { type Cursor, formatCursor } from "./cursor";
import type { StreamEvent } from "./events";
import { compareSessions } from "./session-order";
import type { Action, FetchedThread, ListedStatus } from "./state";

/** Returns a number in [0, 1). */
export type Random = () => number;

export function pick<T>(random: Random, from: readonly T[]): T | undefined {
  return from[Math.floor(random() * from.length)];
}

const bytes = (text: string) => new TextEncoder().encode(text).length;

type Entry =
  | { kind: "session"; type: "session.created" | "session.updated" | "session.read"; id: string }
  | { kind: "gone"; id: string }
  | { kind: "message"; type: "message.created" | "message.updated"; id: string; message: Message }
  | { kind: "unsent"; id: string; message: Message }
  | { kind: "task"; id: string; message: Message };

interface Text {
  messageId: string;
  text: string;
}

const WORDS = ["Grüße ", "an ", "👋 ", "alle, ", "and ", "so on. "];

export class FakeServer {
  readonly #random: Random;
  readonly #sessions = new Map<string, Session>();
  readonly #messages = new Map<string, Message[]>();
  readonly #tasks = new Map<string, Task>();
  readonly #texts = new Map<string, Text>();
  readonly #log: Entry[] = [];
  #ids = 0;
  #clock = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get head(): Cursor {
    return { epoch: "a", seq: this.#log.length };
  }

  /** Returns a page of at most `limit` sessions, after `after`. */
  list(status: ListedStatus, after: Session | null, limit: number) {
    const all = this.#listed((session) => session.status === status).filter(
      (session) => after === null || compareSessions(session, after) > 0,
    );
    return structuredClone({
      type: "sessions.fetched" as const,
      status,
      items: all.slice(0, limit),
      page: { after, isLast: all.length <= limit },
      asOf: this.head,
    });
  }

  unread() {
    const items = this.#listed((session) => session.unread_count > 0);
    return structuredClone({ type: "unread.fetched" as const, items, asOf: this.head });
  }

  #listed(matches: (session: Session) => boolean): Session[] {
    return [...this.#sessions.values()].filter(matches).sort(compareSessions);
  }

  countUnread(): number {
    return this.#listed(() => true).reduce((sum, { unread_count }) => sum + unread_count, 0);
  }

  sessionIds(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  /** Returns the newest `limit` turns of a session, or null if the session does not exist. */
  thread(id: string, limit: number): { data: FetchedThread; asOf: Cursor } | null {
    const session = this.#sessions.get(id);
    if (!session) return null;
    const all = this.#transcript(id);
    const turns = [...new Set(all.map(({ turn }) => turn))];
    const first = turns.at(-limit) ?? 0;
    const messages = all.filter(({ turn }) => turn >= first).map((one) => this.#withTask(one));
    const running = session.active_task;
    const text = running && this.#texts.get(running.id);
    const partial = running && text ? this.#partial(running, text) : null;
    const data = { session, messages, has_more: turns.length > limit, partial };
    return structuredClone({ data, asOf: this.head });
  }

  /** Returns the `limit` turns before the turn `before`. */
  older(id: string, before: number, limit: number): { items: Message[]; hasMore: boolean } {
    const all = this.#transcript(id).filter(({ turn }) => turn < before);
    const turns = [...new Set(all.map(({ turn }) => turn))];
    const first = turns.at(-limit) ?? 0;
    const items = all.filter(({ turn }) => turn >= first).map((one) => this.#withTask(one));
    return structuredClone({ items, hasMore: turns.length > limit });
  }

  /** Returns the first events of a stream that resumes after a position. */
  replay(after: Cursor): Action[] {
    const cursor = formatCursor(after);
    const hello = { type: "hello", at, cursor, heartbeat_ms: 1, retry_ms: 1 } as const;
    const missed = this.#log.slice(after.seq).map((entry, index) => {
      const cursor = { epoch: "a", seq: after.seq + index + 1 };
      return { type: "event", cursor, event: this.#render(entry) } as const;
    });
    const partials = [...this.#sessions.values()].flatMap(({ active_task: task }) => {
      const text = task && this.#texts.get(task.id);
      if (!task || !text) return [];
      const about = { at, chat_session_id: task.chat_session_id, ...this.#partial(task, text) };
      return [
        { type: "event", cursor: null, event: { type: "message.partial", ...about } } as const,
      ];
    });
    return structuredClone([{ type: "event", cursor: null, event: hello }, ...missed, ...partials]);
  }

  /** Makes a random change. Returns its events. */
  step(): Action[] {
    const before = this.#log.length;
    const session = pick(this.#random, [...this.#sessions.values()]);
    const deltas = this.#change(session);
    for (const one of this.#sessions.values()) this.#updateCounts(one);
    const events = this.#log.slice(before).map((entry, index) => {
      const cursor = { epoch: "a", seq: before + index + 1 };
      return { type: "event", cursor, event: this.#render(entry) } as const;
    });
    return structuredClone([...events, ...deltas]);
  }

  #change(session: Session | undefined): Action[] {
    const dice = this.#random();
    if (!session || dice < 0.04) this.#create();
    else if (dice < 0.06) this.#delete(session);
    else if (dice < 0.14) this.#updateSession(session);
    else if (dice < 0.18) this.#read(session);
    else if (dice < 0.36) this.#send(session);
    else if (dice < 0.42) this.#changeQueued(session);
    else if (dice < 0.5) this.#retry(session);
    else return this.#work(session);
    return [];
  }

  #id(kind: string): string {
    this.#ids += 1;
    return `${kind}-${this.#ids}`;
  }

  #now(): string {
    this.#clock += 1000;
    return new Date(Date.parse(at) + this.#clock).toISOString();
  }

  #create(): void {
    const now = this.#now();
    const session = makeSession({ id: this.#id("session"), updated_at: now });
    session.last_activity_at = now;
    this.#sessions.set(session.id, session);
    this.#messages.set(session.id, []);
    this.#log.push({ kind: "session", type: "session.created", id: session.id });
  }

  #delete({ id }: Session): void {
    this.#sessions.delete(id);
    this.#messages.delete(id);
    this.#log.push({ kind: "gone", id });
  }

  #updateSession(session: Session): void {
    const dice = this.#random();
    session.updated_at = this.#now();
    if (dice < 0.4) session.title = this.#id("title");
    else if (dice < 0.7) session.pinned_at = session.pinned_at ? null : session.updated_at;
    else session.status = session.status === "active" ? "archived" : "active";
    this.#log.push({ kind: "session", type: "session.updated", id: session.id });
  }

  #read(session: Session): void {
    session.last_read_seq = Math.floor(this.#random() * (session.last_seq + 1));
    this.#log.push({ kind: "session", type: "session.read", id: session.id });
  }

  #send(session: Session): void {
    const task = makeTask({ id: this.#id("task"), chat_session_id: session.id });
    const turn = (this.#transcript(session.id).at(-1)?.turn ?? 0) + 1;
    const message = this.#addMessage(session, {
      ...{ id: this.#id("user"), task_id: task.id },
      ...{ turn, content: this.#id("question") },
    });
    this.#tasks.set(task.id, task);
    this.#log.push({ kind: "message", type: "message.created", id: session.id, message });
  }

  #addMessage(session: Session, over: Partial<Message>): Message {
    session.last_seq += 1;
    session.updated_at = this.#now();
    session.last_activity_at = session.updated_at;
    const about = { chat_session_id: session.id, seq: session.last_seq };
    const message = makeMessage({ ...about, created_at: session.updated_at, ...over });
    this.#messages.get(session.id)?.push(message);
    return message;
  }

  #changeQueued(session: Session): void {
    const message = this.#findUserMessage(
      session,
      ({ status, attempt }) => status === "queued" && !attempt,
    );
    if (!message) return;
    session.updated_at = this.#now();
    if (this.#random() < 0.5) {
      message.content = this.#id("edited");
      message.edited_at = session.updated_at;
      this.#log.push({ kind: "message", type: "message.updated", id: session.id, message });
    } else {
      this.#removeMessage(session, message);
      this.#tasks.delete(message.task_id);
      this.#log.push({ kind: "unsent", id: session.id, message });
    }
  }

  #retry(session: Session): void {
    const message = this.#findUserMessage(session, ({ status }) => /failed|cancelled/.test(status));
    const task = message && this.#tasks.get(message.task_id);
    if (!message || !task) return;
    const old = this.#answerOf(session, task);
    if (old) {
      this.#removeMessage(session, old);
      this.#log.push({ kind: "unsent", id: session.id, message: old });
    }
    Object.assign(task, { status: "queued", failures: 0, error: null, started_at: null });
    this.#log.push({ kind: "task", id: session.id, message });
  }

  /** Starts, continues, requeues, or ends the first unfinished task. */
  #work(session: Session): Action[] {
    const message =
      this.#findUserMessage(session, ({ status }) => status === "running") ??
      this.#findUserMessage(session, ({ status }) => status === "queued");
    const task = message && this.#tasks.get(message.task_id);
    if (!message || !task) return [];
    if (task.status === "queued") {
      const earlier = this.#texts.get(task.id)?.messageId;
      this.#texts.set(task.id, { messageId: earlier ?? this.#id("answer"), text: "" });
      Object.assign(task, { status: "running", attempt: task.attempt + 1, started_at: at });
    } else {
      const dice = this.#random();
      if (dice < 0.65) return this.#appendText(task);
      if (dice < 0.75) task.status = "queued";
      else this.#end(session, message, task);
    }
    this.#log.push({ kind: "task", id: session.id, message });
    return [];
  }

  #appendText(task: Task): Action[] {
    const live = this.#texts.get(task.id);
    if (!live) return [];
    const text = pick(this.#random, WORDS) ?? "";
    const offset = bytes(live.text);
    live.text += text;
    const { id: task_id, attempt, chat_session_id } = task;
    const place = { offset, next_offset: offset + bytes(text), text };
    const about = { at, chat_session_id, task_id, attempt, message_id: live.messageId };
    return [{ type: "event", cursor: null, event: { type: "message.delta", ...about, ...place } }];
  }

  #end(session: Session, asked: Message, task: Task): void {
    const { messageId, text } = this.#texts.get(task.id) ?? { messageId: "", text: "" };
    task.status = pick(this.#random, ["succeeded", "failed", "cancelled"] as const) ?? "failed";
    task.finished_at = at;
    this.#texts.delete(task.id);
    if (text === "" && task.status !== "succeeded") return;
    const message = this.#addMessage(session, {
      ...{ id: messageId, task_id: task.id, role: "assistant", turn: asked.turn, content: text },
      ...{ finish_reason: task.status === "succeeded" ? "stop" : "cancelled" },
    });
    this.#log.push({ kind: "message", type: "message.created", id: session.id, message });
  }

  #removeMessage(session: Session, message: Message): void {
    const left = this.#messages.get(session.id)?.filter((one) => one !== message) ?? [];
    this.#messages.set(session.id, left);
  }

  /** Returns the first message of the user whose task matches. */
  #findUserMessage(session: Session, matches: (task: Task) => boolean): Message | undefined {
    return this.#transcript(session.id).find(({ role, task_id }) => {
      const task = this.#tasks.get(task_id);
      return role === "user" && task !== undefined && matches(task);
    });
  }

  #answerOf(session: Session, task: Task): Message | undefined {
    const all = this.#messages.get(session.id);
    return all?.find(({ role, task_id }) => role === "assistant" && task_id === task.id);
  }

  #transcript(id: string): readonly Message[] {
    const all = this.#messages.get(id) ?? [];
    const rank = ({ role }: Message) => Number(role === "assistant");
    return [...all].sort((a, b) => a.turn - b.turn || rank(a) - rank(b));
  }

  /** Updates the counts of the session. */
  #updateCounts(session: Session): void {
    const all = this.#transcript(session.id);
    const tasks = all.flatMap(({ role, task_id }) => {
      const task = this.#tasks.get(task_id);
      return role === "user" && task ? [task] : [];
    });
    session.active_task = tasks.find(({ status }) => status === "running") ?? null;
    session.queued_count = tasks.filter(({ status }) => status === "queued").length;
    const unread = all.filter(
      ({ role, seq }) => role === "assistant" && seq > session.last_read_seq,
    );
    session.unread_count = session.status === "archived" ? 0 : unread.length;
  }

  #withTask(message: Message): Message {
    const task = message.role === "user" ? (this.#tasks.get(message.task_id) ?? null) : null;
    return { ...message, task };
  }

  #partial(task: Task, { messageId, text }: Text) {
    const about = { task_id: task.id, attempt: task.attempt, message_id: messageId };
    return { ...about, text, next_offset: bytes(text) };
  }

  #render(entry: Entry): StreamEvent {
    const session = this.#sessions.get(entry.id);
    const about = { at, chat_session_id: entry.id };
    if (!session || entry.kind === "gone") return { type: "session.deleted", ...about };
    if (entry.kind === "session") return { type: entry.type, ...about, session };
    const { message } = entry;
    const { role, task_id } = message;
    const task = this.#tasks.get(task_id);
    const exists = this.#messages.get(entry.id)?.includes(message);
    if (entry.kind === "task" && task) return { type: "task.updated", ...about, task, session };
    if (entry.kind === "message" && exists)
      return { type: entry.type, ...about, message: this.#withTask(message), session };
    return { type: "message.deleted", ...about, message_id: message.id, role, task_id, session };
  }
}

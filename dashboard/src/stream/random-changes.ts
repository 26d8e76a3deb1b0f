/** Random changes to the fake server's database. */
import type { Message, Session, Task } from "@/api/models";
import { at, makeMessage, makeSession, makeTask } from "@/test-objects";
import { byteLength, type FakeDatabase } from "./fake-database";
import type { Action } from "./state";

/** Returns a number in [0, 1). */
export type Random = () => number;

export function pick<T>(random: Random, from: readonly T[]): T | undefined {
  return from[Math.floor(random() * from.length)];
}

const WORDS = ["Grüße ", "an ", "👋 ", "alle, ", "and ", "so on. "];

export class RandomChanges {
  readonly #database: FakeDatabase;
  readonly #random: Random;
  /** The number of the last turn of each session, on any branch. */
  readonly #lastTurns = new Map<string, number>();
  /** The ends of other branches: messages that followed the turn with the given key. */
  readonly #branches = new Map<string, Message[][]>();
  #ids = 0;
  #clock = 0;

  constructor(database: FakeDatabase, random: Random) {
    this.#database = database;
    this.#random = random;
  }

  /** Makes a change and adds it to the log. Returns the events that are not in the log. */
  make(): Action[] {
    const session = pick(this.#random, [...this.#database.sessions.values()]);
    const events = this.#change(session);
    for (const one of this.#database.sessions.values()) this.#database.updateCounts(one);
    return events;
  }

  #change(session: Session | undefined): Action[] {
    const dice = this.#random();
    if (!session || dice < 0.04) this.#create();
    else if (dice < 0.06) this.#delete(session);
    else if (dice < 0.14) this.#updateSession(session);
    else if (dice < 0.18) this.#read(session);
    else if (dice < 0.36) this.#send(session);
    else if (dice < 0.42) this.#changeQueued(session);
    else if (dice < 0.47) this.#retry(session);
    else if (dice < 0.5) this.#branch(session);
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
    this.#database.sessions.set(session.id, session);
    this.#database.messages.set(session.id, []);
    this.#database.log.push({ kind: "session", type: "session.created", id: session.id });
  }

  #delete({ id }: Session): void {
    this.#database.sessions.delete(id);
    this.#database.messages.delete(id);
    this.#database.log.push({ kind: "deleted", id });
  }

  #updateSession(session: Session): void {
    const dice = this.#random();
    session.updated_at = this.#now();
    if (dice < 0.4) session.title = this.#id("title");
    else if (dice < 0.7) session.pinned_at = session.pinned_at ? null : session.updated_at;
    else session.status = session.status === "active" ? "archived" : "active";
    this.#database.log.push({ kind: "session", type: "session.updated", id: session.id });
  }

  #read(session: Session): void {
    session.last_read_seq = Math.floor(this.#random() * (session.last_seq + 1));
    this.#database.log.push({ kind: "session", type: "session.read", id: session.id });
  }

  #send(session: Session): void {
    const task = makeTask({ id: this.#id("task"), chat_session_id: session.id });
    const turn = (this.#lastTurns.get(session.id) ?? 0) + 1;
    this.#lastTurns.set(session.id, turn);
    const message = this.#addMessage(session, {
      ...{ id: this.#id("user"), task_id: task.id },
      ...{ turn, content: this.#id("question") },
    });
    this.#database.tasks.set(task.id, task);
    this.#database.log.push({ kind: "message", type: "message.created", id: session.id, message });
  }

  #addMessage(session: Session, over: Partial<Message>): Message {
    session.last_seq += 1;
    session.updated_at = this.#now();
    session.last_activity_at = session.updated_at;
    const about = { chat_session_id: session.id, seq: session.last_seq };
    const message = makeMessage({ ...about, created_at: session.updated_at, ...over });
    this.#database.messages.get(session.id)?.push(message);
    return message;
  }

  #changeQueued(session: Session): void {
    const message = this.#database.findUserMessage(
      session,
      ({ status, attempt }) => status === "queued" && !attempt,
    );
    if (!message) return;
    session.updated_at = this.#now();
    if (this.#random() < 0.5) {
      message.content = this.#id("edited");
      message.edited_at = session.updated_at;
      this.#database.log.push({
        kind: "message",
        type: "message.updated",
        id: session.id,
        message,
      });
    } else {
      this.#database.removeMessage(session, message);
      this.#database.tasks.delete(message.task_id);
      this.#database.log.push({ kind: "removed", id: session.id, message });
    }
  }

  /** Replaces the end of the transcript with a new turn or with the end of another branch. */
  #branch(session: Session): void {
    const isOpen = ({ status }: Task) => status === "running" || status === "queued";
    const transcript = this.#database.transcript(session.id);
    const asked = pick(
      this.#random,
      transcript.filter(({ role }) => role === "user"),
    );
    if (!asked || this.#database.findUserMessage(session, isOpen)) return;
    const leaving = transcript.filter(({ turn }) => turn >= asked.turn);
    const before = transcript.findLast(({ turn }) => turn < asked.turn)?.turn ?? 0;
    const key = `${session.id} ${before}`;
    const others = this.#branches.get(key) ?? [];
    const joining = this.#random() < 0.5 ? others.shift() : undefined;
    session.updated_at = this.#now();
    for (const message of leaving) {
      this.#database.removeMessage(session, message);
      this.#database.log.push({ kind: "removed", id: session.id, message });
    }
    this.#branches.set(key, [...others, leaving]);
    if (!joining) this.#send(session);
    for (const message of joining ?? []) {
      this.#database.messages.get(session.id)?.push(message);
      this.#database.log.push({
        kind: "message",
        type: "message.created",
        id: session.id,
        message,
      });
    }
  }

  #retry(session: Session): void {
    const message = this.#database.findUserMessage(session, ({ status }) =>
      /failed|cancelled/.test(status),
    );
    const task = message && this.#database.tasks.get(message.task_id);
    if (!message || !task) return;
    const old = this.#database.answerOf(session, task);
    if (old) {
      this.#database.removeMessage(session, old);
      this.#database.log.push({ kind: "removed", id: session.id, message: old });
    }
    Object.assign(task, { status: "queued", failures: 0, error: null, started_at: null });
    this.#database.log.push({ kind: "task", id: session.id, message });
  }

  /** Continues, requeues, or ends the running task, or starts the first queued one. */
  #work(session: Session): Action[] {
    const message =
      this.#database.findUserMessage(session, ({ status }) => status === "running") ??
      this.#database.findUserMessage(session, ({ status }) => status === "queued");
    const task = message && this.#database.tasks.get(message.task_id);
    if (!message || !task) return [];
    if (task.status === "queued") {
      const earlier = this.#database.texts.get(task.id)?.messageId;
      this.#database.texts.set(task.id, { messageId: earlier ?? this.#id("answer"), text: "" });
      Object.assign(task, { status: "running", attempt: task.attempt + 1, started_at: at });
    } else {
      const dice = this.#random();
      if (dice < 0.65) return this.#appendText(task);
      if (dice < 0.75) task.status = "queued";
      else this.#end(session, message, task);
    }
    this.#database.log.push({ kind: "task", id: session.id, message });
    return [];
  }

  #appendText(task: Task): Action[] {
    const live = this.#database.texts.get(task.id);
    if (!live) return [];
    const text = pick(this.#random, WORDS) ?? "";
    const offset = byteLength(live.text);
    live.text += text;
    const { id: task_id, attempt, chat_session_id } = task;
    const place = { offset, next_offset: offset + byteLength(text), text };
    const about = { at, chat_session_id, task_id, attempt, message_id: live.messageId };
    return [{ type: "event", cursor: null, event: { type: "message.delta", ...about, ...place } }];
  }

  #end(session: Session, asked: Message, task: Task): void {
    const { messageId, text } = this.#database.texts.get(task.id) ?? { messageId: "", text: "" };
    task.status = pick(this.#random, ["succeeded", "failed", "cancelled"] as const) ?? "failed";
    task.finished_at = at;
    this.#database.texts.delete(task.id);
    if (text === "" && task.status !== "succeeded") return;
    const message = this.#addMessage(session, {
      ...{ id: messageId, task_id: task.id, role: "assistant", turn: asked.turn, content: text },
      ...{ finish_reason: task.status === "succeeded" ? "stop" : "cancelled" },
    });
    this.#database.log.push({ kind: "message", type: "message.created", id: session.id, message });
  }
}

/** The fake server's database: sessions, messages, tasks, live texts, and the log of changes. */
import type { Message, Session, Task } from "@/api/models";
import type { Cursor } from "./cursor";
import { compareSessions } from "./session-order";

/** A change in the log, together with the ID of its session. */
export type LogEntry =
  | { kind: "session"; type: "session.created" | "session.updated" | "session.read"; id: string }
  | { kind: "deleted"; id: string }
  | { kind: "message"; type: "message.created" | "message.updated"; id: string; message: Message }
  | { kind: "removed"; id: string; message: Message }
  | { kind: "task"; id: string; message: Message };

/** The text of an answer in progress. */
export interface AnswerText {
  messageId: string;
  text: string;
}

/** Returns the length in UTF-8 bytes. */
export const byteLength = (text: string) => new TextEncoder().encode(text).length;

export class FakeDatabase {
  readonly sessions = new Map<string, Session>();
  readonly messages = new Map<string, Message[]>();
  readonly tasks = new Map<string, Task>();
  /** The texts of answers in progress, by task. */
  readonly texts = new Map<string, AnswerText>();
  readonly log: LogEntry[] = [];

  get head(): Cursor {
    return { epoch: "a", seq: this.log.length };
  }

  listSessions(matches: (session: Session) => boolean): Session[] {
    return [...this.sessions.values()].filter(matches).sort(compareSessions);
  }

  transcript(id: string): readonly Message[] {
    const all = this.messages.get(id) ?? [];
    const rank = ({ role }: Message) => Number(role === "assistant");
    return [...all].sort((a, b) => a.turn - b.turn || rank(a) - rank(b));
  }

  /** Returns the first user message whose task matches. */
  findUserMessage(session: Session, matches: (task: Task) => boolean): Message | undefined {
    return this.transcript(session.id).find(({ role, task_id }) => {
      const task = this.tasks.get(task_id);
      return role === "user" && task !== undefined && matches(task);
    });
  }

  answerOf(session: Session, task: Task): Message | undefined {
    const all = this.messages.get(session.id);
    return all?.find(({ role, task_id }) => role === "assistant" && task_id === task.id);
  }

  withTask(message: Message): Message {
    const task = message.role === "user" ? (this.tasks.get(message.task_id) ?? null) : null;
    return { ...message, task };
  }

  partialOf(task: Task, { messageId, text }: AnswerText) {
    const about = { task_id: task.id, attempt: task.attempt, message_id: messageId };
    return { ...about, text, next_offset: byteLength(text) };
  }

  removeMessage(session: Session, message: Message): void {
    const left = this.messages.get(session.id)?.filter((one) => one !== message) ?? [];
    this.messages.set(session.id, left);
  }

  /** Updates the active task and the counts of the session. */
  updateCounts(session: Session): void {
    const all = this.transcript(session.id);
    const tasks = all.flatMap(({ role, task_id }) => {
      const task = this.tasks.get(task_id);
      return role === "user" && task ? [task] : [];
    });
    session.active_task = tasks.find(({ status }) => status === "running") ?? null;
    session.queued_count = tasks.filter(({ status }) => status === "queued").length;
    const unread = all.filter(
      ({ role, seq }) => role === "assistant" && seq > session.last_read_seq,
    );
    session.unread_count = session.status === "archived" ? 0 : unread.length;
  }
}

/** The turns of a thread. */
import { isEnded, type Message, type Session, type Task } from "@/api/models";
import type { Thread } from "./state";

/** A user message and its answer. */
export interface Turn {
  readonly turn: number;
  readonly user: Message | null;
  readonly answer: Message | null;
}

const turnsOf = new WeakMap<Thread["messages"], readonly Turn[]>();

/** Returns the turns in order. Returns the same array until a message changes. */
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
 * Returns the task that Stop cancels: the running task, or else the next queued one. Returns null
 * if there is no such task or if it has not been fetched.
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

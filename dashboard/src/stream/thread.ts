/** How one thread changes. Pure, and silent about sessions: that is the reducer's part. */
import { isEnded, type Message, type Task } from "@/api/models";
import { applyDelta, applyPartial, type Delta } from "./live";
import { type Entries, type FetchedThread, put, type Thread, without } from "./state";

/** Drops live text that the task's state has overtaken. */
function settle(thread: Thread, taskId: string, isFetch = false): Thread {
  const live = thread.live[taskId];
  const entry = thread.tasks[taskId];
  if (!live || !entry) return thread;
  const task = entry.value;
  if (task && live.attempt > task.attempt) return thread;
  const isRunning = task?.status === "running" && live.attempt === task.attempt;
  if (isRunning) return thread;
  // A turn that has just ended keeps its text on screen until its message comes.
  const awaitsMessage =
    !isFetch &&
    task !== null &&
    isEnded(task.status) &&
    live.attempt === task.attempt &&
    live.text !== "" &&
    !hasAnswer(thread, taskId);
  if (awaitsMessage) return thread;
  return { ...thread, live: without(thread.live, taskId) };
}

function hasAnswer(thread: Thread, taskId: string): boolean {
  return Object.values(thread.messages).some(
    ({ value }) => value?.role === "assistant" && value.task_id === taskId,
  );
}

export function putTask(thread: Thread, seq: number, task: Task): Thread {
  return settle({ ...thread, tasks: put(thread.tasks, task.id, seq, task) }, task.id);
}

export function putMessage(thread: Thread, seq: number, message: Message): Thread {
  const next = { ...thread, messages: put(thread.messages, message.id, seq, message) };
  if (message.task) return putTask(next, seq, message.task);
  // The whole answer is there: what was streamed of it has served.
  if (message.role === "assistant") return { ...next, live: without(next.live, message.task_id) };
  return next;
}

export function deleteMessage(
  thread: Thread,
  seq: number,
  gone: { message_id: string; role: Message["role"]; task_id: string },
): Thread {
  const messages = put(thread.messages, gone.message_id, seq, null);
  if (gone.role === "assistant") return { ...thread, messages };
  const tasks = put(thread.tasks, gone.task_id, seq, null);
  return settle({ ...thread, messages, tasks }, gone.task_id);
}

/** True when the finished message or the task's state has overtaken the text. */
function isLate(
  thread: Thread,
  text: { task_id: string; attempt: number; message_id: string },
): boolean {
  if (thread.messages[text.message_id]) return true;
  const entry = thread.tasks[text.task_id];
  if (!entry) return false;
  if (entry.value === null) return true;
  const { status, attempt } = entry.value;
  return status === "running" ? text.attempt < attempt : text.attempt <= attempt;
}

export function putDelta(thread: Thread, delta: Delta & { task_id: string }): Thread {
  if (isLate(thread, delta)) return thread;
  const known = thread.live[delta.task_id];
  const live = applyDelta(known, delta);
  if (live === known) return thread;
  const missed = live.ahead.length > (known?.ahead.length ?? 0) && thread.isLoaded;
  return {
    ...thread,
    live: { ...thread.live, [delta.task_id]: live },
    holes: thread.holes + (missed && live.ahead.length === 1 ? 1 : 0),
  };
}

export function putPartial(
  thread: Thread,
  partial: {
    task_id: string;
    attempt: number;
    message_id: string;
    text: string;
    next_offset: number;
  },
): Thread {
  if (isLate(thread, partial)) return thread;
  const live = applyPartial(thread.live[partial.task_id], partial);
  return { ...thread, live: { ...thread.live, [partial.task_id]: live } };
}

/** Merges the newest turns as they were at `seq`; what is known from later stays. */
export function mergeFetched(thread: Thread, data: FetchedThread, seq: number): Thread {
  const firstTurn = data.messages[0]?.turn ?? 0;
  const known = Object.values(thread.messages);
  // Older pages stay only if no turn can lie between them and the fetched ones.
  const isConnected =
    data.has_more && known.some((entry) => entry.value !== null && entry.value.turn >= firstTurn);
  const messages: Record<string, Thread["messages"][string]> = {};
  for (const [id, entry] of Object.entries(thread.messages)) {
    const isOlderPage = isConnected && entry.value !== null && entry.value.turn < firstTurn;
    if (entry.seq > seq || isOlderPage) messages[id] = entry;
  }
  const keptTasks = new Set(Object.values(messages).map(({ value }) => value?.task_id));
  const tasks: Record<string, Entries<Task>[string]> = Object.fromEntries(
    Object.entries(thread.tasks).filter(([id, entry]) => entry.seq > seq || keptTasks.has(id)),
  );
  for (const message of data.messages) {
    if (!messages[message.id]) messages[message.id] = { seq, value: message };
    const known = tasks[message.task_id];
    const isNews = message.task !== null && (!known || known.seq <= seq);
    if (isNews) tasks[message.task_id] = { seq, value: message.task };
  }
  let next: Thread = {
    ...thread,
    isLoaded: true,
    messages,
    tasks,
    hasMore: isConnected ? thread.hasMore : data.has_more,
  };
  if (data.partial) next = putPartial(next, data.partial);
  for (const taskId of Object.keys(next.live)) next = settle(next, taskId, true);
  return next;
}

/** Adds an older page. It carries no position, so whatever is known already wins. */
export function mergeOlder(thread: Thread, items: readonly Message[], hasMore: boolean): Thread {
  const messages = { ...thread.messages };
  const tasks = { ...thread.tasks };
  for (const message of items) {
    messages[message.id] ??= { seq: 0, value: message };
    if (message.task) tasks[message.task_id] ??= { seq: 0, value: message.task };
  }
  return { ...thread, messages, tasks, hasMore };
}

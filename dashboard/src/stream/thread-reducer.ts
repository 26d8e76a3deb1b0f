/** Pure functions that apply changes to one thread. Sessions are handled by the reducer. */
import { isEnded, type Message, type Task } from "@/api/models";
import { applyDelta, applyPartial, type Delta } from "./live-text";
import {
  type Entries,
  type FetchedThread,
  put,
  type Thread,
  type TurnRange,
  without,
} from "./state";
import { adjoins, includes, rangeOfPage, unite } from "./turn-range";

/** Drops live text that is superseded by the task's state. */
function settle(thread: Thread, taskId: string, isFetch = false): Thread {
  const live = thread.live[taskId];
  const entry = thread.tasks[taskId];
  if (!live || !entry) return thread;
  const task = entry.value;
  if (task && live.attempt > task.attempt) return thread;
  const isRunning = task?.status === "running" && live.attempt === task.attempt;
  if (isRunning) return thread;
  // A turn that has just ended keeps its text on screen until its message arrives.
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

function isUnfetched(thread: Thread, { turn }: Message): boolean {
  const { isLoaded, hasMore, firstTurn, excerpt } = thread;
  if (!isLoaded || !hasMore || turn >= firstTurn) return false;
  return !excerpt || !includes(excerpt, turn);
}

export function putMessage(thread: Thread, seq: number, message: Message): Thread {
  const part = isUnfetched(thread, message) ? "detached" : "messages";
  const next = { ...thread, [part]: put(thread[part], message.id, seq, message) };
  if (message.task) return putTask(next, seq, message.task);
  // The finished answer replaces the streamed text.
  if (message.role === "assistant") return { ...next, live: without(next.live, message.task_id) };
  return next;
}

export function deleteMessage(
  thread: Thread,
  seq: number,
  gone: { message_id: string; role: Message["role"]; task_id: string },
): Thread {
  const messages = put(thread.messages, gone.message_id, seq, null);
  const left = { ...thread, messages, detached: without(thread.detached, gone.message_id) };
  if (gone.role === "assistant") return left;
  const tasks = put(thread.tasks, gone.task_id, seq, null);
  return settle({ ...left, tasks }, gone.task_id);
}

/** Returns whether the finished message or the task's state supersedes the text. */
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
    gaps: thread.gaps + (missed && live.ahead.length === 1 ? 1 : 0),
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

/** Merges the newest turns as of `seq`. Newer state is kept. */
export function mergeFetched(thread: Thread, data: FetchedThread, seq: number): Thread {
  // A newer response has already been applied.
  if (seq < thread.fetchedAt) return thread;
  const pageTurn = data.messages[0]?.turn ?? 0;
  // Keep older pages only if no changes to them were missed and no turns can be missing between
  // them and the fetched page.
  const isConnected =
    thread.isLoaded &&
    !thread.isStale &&
    data.has_more &&
    Object.values(thread.messages).some(({ value }) => value !== null && value.turn >= pageTurn);
  const hasMore = isConnected ? thread.hasMore : data.has_more;
  const excerpt = isConnected ? thread.excerpt : null;
  const firstTurn = isConnected ? thread.firstTurn : data.has_more ? pageTurn : 0;

  const messages: Record<string, Thread["messages"][string]> = {};
  const detached = thread.isStale ? {} : { ...thread.detached };
  for (const [id, entry] of Object.entries(thread.messages)) {
    const isOlderPage = isConnected && entry.value !== null && entry.value.turn < pageTurn;
    // An accepted message has no position until its event arrives, and this fetch may be older than
    // the message.
    const isAcceptedLater = entry.seq === 0 && (entry.value?.seq ?? 0) > data.session.last_seq;
    if (entry.seq <= seq && !isOlderPage && !isAcceptedLater) continue;
    const isDetached =
      entry.value !== null &&
      isUnfetched({ ...thread, isLoaded: true, hasMore, firstTurn, excerpt }, entry.value);
    (isDetached ? detached : messages)[id] = entry;
  }
  const kept = [...Object.values(messages), ...Object.values(detached)];
  const keptTasks = new Set(kept.map(({ value }) => value?.task_id));
  const tasks: Record<string, Entries<Task>[string]> = Object.fromEntries(
    Object.entries(thread.tasks).filter(([id, entry]) => entry.seq > seq || keptTasks.has(id)),
  );
  for (const message of data.messages) {
    if (!messages[message.id]) messages[message.id] = { seq, value: message };
    const known = tasks[message.task_id];
    const isNews = message.task !== null && (!known || known.seq <= seq);
    if (isNews) tasks[message.task_id] = { seq, value: message.task };
  }
  const fetched = { isLoaded: true, fetchedAt: seq, isStale: false };
  const parts = { messages, detached, tasks, hasMore, firstTurn, excerpt };
  let next: Thread = { ...thread, ...fetched, ...parts };
  // The end of the task may have been missed. The response contains the partial text if the task is
  // still running.
  if (thread.isStale)
    for (const taskId of Object.keys(next.live))
      if (!next.tasks[taskId]) next = { ...next, live: without(next.live, taskId) };
  if (data.partial) next = putPartial(next, data.partial);
  for (const taskId of Object.keys(next.live)) next = settle(next, taskId, true);
  return next;
}

/**
 * Adds a page of turns before `beforeTurn`. The page has no log position, so existing state takes
 * precedence.
 */
export function mergeOlder(
  thread: Thread,
  page: { beforeTurn: number; items: readonly Message[]; hasMore: boolean },
): Thread {
  // The thread was fetched again in the meantime and now starts at a later turn.
  if (!thread.isLoaded || page.beforeTurn < thread.firstTurn) return thread;
  const { items } = page;
  const { first } = rangeOfPage({ before: page.beforeTurn }, items, page.hasMore);
  const firstTurn = Math.min(first, thread.firstTurn);
  return addTurns(joinExcerpt({ ...thread, hasMore: firstTurn > 0, firstTurn }), items);
}

/**
 * Adds a page of turns anywhere in the thread. If the turns adjoin the excerpt, they extend it;
 * otherwise, they replace it. Existing state takes precedence.
 */
export function mergeExcerpt(
  thread: Thread,
  page: { range: TurnRange; fetchedAt: number; items: readonly Message[] },
): Thread {
  // Events may have been missed since the request.
  if (!thread.isLoaded || thread.isStale || page.fetchedAt !== thread.fetchedAt) return thread;
  if (!thread.hasMore) return thread;
  const { range } = page;
  const { excerpt } = thread;
  const extended = excerpt && adjoins(excerpt, range) ? unite(excerpt, range) : range;
  const base = extended === range ? dropExcerpt(thread) : thread;
  return addTurns(joinExcerpt({ ...base, excerpt: extended }), page.items);
}

/** Makes the excerpt part of the newest turns if there is no gap between them. */
function joinExcerpt(thread: Thread): Thread {
  const { excerpt, firstTurn } = thread;
  if (!excerpt || excerpt.last < firstTurn - 1) return thread;
  const first = Math.min(excerpt.first, firstTurn);
  return { ...thread, excerpt: null, firstTurn: first, hasMore: first > 0 };
}

/** Removes the messages of the excerpt. Changes from the stream are kept. */
function dropExcerpt(thread: Thread): Thread {
  const { excerpt, firstTurn } = thread;
  if (!excerpt) return thread;
  const messages: Record<string, Thread["messages"][string]> = {};
  const detached = { ...thread.detached };
  for (const [id, entry] of Object.entries(thread.messages)) {
    const isDropped = entry.value !== null && entry.value.turn < firstTurn;
    if (!isDropped) messages[id] = entry;
    else if (entry.seq > 0) detached[id] = entry;
  }
  return { ...thread, messages, detached, excerpt: null };
}

/** Adds fetched messages, and shows the detached messages whose turns have now been fetched. */
function addTurns(thread: Thread, items: readonly Message[]): Thread {
  let messages: Entries<Message> = thread.messages;
  let { detached } = thread;
  for (const [id, entry] of Object.entries(detached)) {
    if (entry.value && isUnfetched(thread, entry.value)) continue;
    messages = put(messages, id, entry.seq, entry.value);
    detached = without(detached, id);
  }
  const merged = { ...messages };
  const tasks = { ...thread.tasks };
  for (const message of items) {
    merged[message.id] ??= { seq: 0, value: message };
    if (message.task) tasks[message.task_id] ??= { seq: 0, value: message.task };
  }
  return { ...thread, messages: merged, detached, tasks };
}

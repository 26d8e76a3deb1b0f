/**
 * The reducer for the page's state: `(state, action) → state`, pure and idempotent.
 *
 * Live events, a replay of the log, and a fresh fetch lead to the same state. The reducer never
 * fetches. It increases `generation` or `gaps` when the caller must fetch.
 */
import type { Task } from "@/api/models";
import type { Cursor } from "./cursor";
import { parseCursor } from "./cursor";
import type { StreamEvent } from "./events";
import { adoptEpoch, isBehind, restartAt } from "./log-position";
import { dropRestored, restoreList, restoreThread } from "./restore-reducer";
import { extendListed, mergeList, mergeUnread } from "./session-list-reducer";
import { type Action, emptyThread, put, type State, type Thread, without } from "./state";
import { putFetched, putStep, settleSteps } from "./task-steps";
import {
  deleteMessage,
  mergeExcerpt,
  mergeFetched,
  mergeOlder,
  putDelta,
  putMessage,
  putPartial,
  putTask,
} from "./thread-reducer";

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "event":
      return action.cursor
        ? applyDurable(state, action.cursor, action.event)
        : applyEphemeral(state, action.event);
    case "sessions.fetched": {
      const base = adoptEpoch(state, action.asOf);
      const { status, page, asOf } = action;
      // A newer first page has already been applied.
      if (asOf.seq < base.listedAt[status]) return base;
      const sessions = mergeList(base.sessions, action);
      const listedAt = page.after ? base.listedAt : { ...base.listedAt, [status]: asOf.seq };
      const listedTo = { ...base.listedTo, [status]: extendListed(base.listedTo[status], action) };
      const merged = { ...base, sessions, listedAt, listedTo };
      return isBehind(base, action.asOf) ? { ...merged, generation: base.generation + 1 } : merged;
    }
    case "unread.fetched": {
      const base = adoptEpoch(state, action.asOf);
      if (action.asOf.seq < base.listedAt.active) return base;
      const sessions = mergeUnread(base.sessions, action.items, action.asOf.seq);
      const merged = { ...base, sessions };
      return isBehind(base, action.asOf) ? { ...merged, generation: base.generation + 1 } : merged;
    }
    case "thread.opened":
      if (state.threads[action.sessionId] || isDeleted(state, action.sessionId)) return state;
      return { ...state, threads: { ...state.threads, [action.sessionId]: emptyThread } };
    case "thread.created": {
      if (state.threads[action.sessionId]) return state;
      const thread = { ...emptyThread, isLoaded: true };
      return { ...state, threads: { ...state.threads, [action.sessionId]: thread } };
    }
    case "thread.fetched": {
      const { data, asOf } = action;
      const base = adoptEpoch(state, asOf);
      const sessions = put(base.sessions, data.session.id, asOf.seq, data.session);
      // The session has been deleted since the request, so its thread is not restored.
      if (isDeleted({ ...base, sessions }, data.session.id)) return { ...base, sessions };
      const known = base.threads[data.session.id] ?? emptyThread;
      const merged = mergeFetched(known, data, asOf.seq);
      const thread = isBehind(base, asOf)
        ? { ...merged, gaps: merged.gaps + 1, isStale: true }
        : merged;
      const threads = { ...base.threads, [data.session.id]: thread };
      return { ...base, sessions, threads };
    }
    case "task.fetched": {
      const { task } = action;
      const steps = putFetched(state.steps[task.id], task);
      return { ...state, steps: { ...state.steps, [task.id]: steps } };
    }
    case "older.fetched":
      if (action.generation !== state.generation) return state;
      return changeThread(state, action.sessionId, (thread) => mergeOlder(thread, action));
    case "excerpt.fetched":
      if (action.generation !== state.generation) return state;
      return changeThread(state, action.sessionId, (thread) => mergeExcerpt(thread, action));
    case "message.accepted":
      return changeThread(state, action.message.chat_session_id, (thread) => {
        if (thread.messages[action.message.id]) return thread;
        return putMessage(thread, 0, { ...action.message, task: action.task });
      });
    case "session.accepted": {
      const known = state.sessions[action.session.id];
      if (known && (!known.value || known.value.updated_at >= action.session.updated_at))
        return state;
      const sessions = put(state.sessions, action.session.id, known?.seq ?? 0, action.session);
      return { ...state, sessions };
    }
    case "session.gone": {
      const seq = state.position?.seq ?? 0;
      return deleteSession(state, action.sessionId, seq);
    }
    case "list.restored":
      return restoreList(state, action.items);
    case "thread.restored":
      return restoreThread(state, action.data);
    case "restored.dropped":
      return dropRestored(state, action.openId);
  }
}

function isDeleted(state: State, sessionId: string): boolean {
  return state.sessions[sessionId]?.value === null;
}

function changeThread(state: State, id: string, change: (thread: Thread) => Thread): State {
  const thread = state.threads[id];
  if (!thread) return state;
  const next = change(thread);
  return next === thread ? state : { ...state, threads: { ...state.threads, [id]: next } };
}

function deleteSession(state: State, id: string, seq: number): State {
  return {
    ...state,
    sessions: put(state.sessions, id, seq, null),
    threads: without(state.threads, id),
    typing: without(state.typing, id),
    steps: Object.fromEntries(
      Object.entries(state.steps).filter(([, steps]) => steps.sessionId !== id),
    ),
  };
}

function keepSteps(state: State, task: Task): State {
  const known = state.steps[task.id];
  if (!known || settleSteps(known, task)) return state;
  return { ...state, steps: without(state.steps, task.id) };
}

/** Marks all steps as outdated, because some may have been missed before this connection. */
function ageSteps(state: State): State {
  const aged = Object.entries(state.steps).map(([id, steps]) => [
    id,
    steps.isCurrent ? { ...steps, isCurrent: false } : steps,
  ]);
  return { ...state, steps: Object.fromEntries(aged) };
}

function applyDurable(state: State, cursor: Cursor, event: StreamEvent): State {
  let base = adoptEpoch(state, cursor);
  const { position } = base;
  if (position && state.position) {
    const isKnown = cursor.seq <= position.seq && position.epoch === state.position.epoch;
    if (isKnown) return state;
    if (cursor.seq > position.seq + 1) base = restartAt(base, cursor);
  }
  base = { ...base, position: cursor };
  const { seq } = cursor;
  if (event.type === "session.deleted") return deleteSession(base, event.chat_session_id, seq);
  if (!("session" in event)) return base;

  if (event.type === "task.updated") base = keepSteps(base, event.task);
  if (event.type === "message.deleted" && event.role === "user")
    base = { ...base, steps: without(base.steps, event.task_id) };
  const next = {
    ...base,
    sessions: put(base.sessions, event.chat_session_id, seq, event.session),
  };
  return changeThread(next, event.chat_session_id, (thread) => {
    switch (event.type) {
      case "session.created":
      case "session.updated":
      case "session.read":
        return thread;
      case "message.created":
      case "message.updated":
        return putMessage(thread, seq, event.message);
      case "message.deleted":
        return deleteMessage(thread, seq, event);
      case "task.updated":
        return putTask(thread, seq, event.task);
      default:
        return event satisfies never;
    }
  });
}

function applyEphemeral(state: State, event: StreamEvent): State {
  switch (event.type) {
    case "hello": {
      const cursor = parseCursor(event.cursor);
      if (!cursor) return state;
      const { position } = state;
      if (!position) return adoptEpoch(state, cursor);
      const isOurs = position.epoch === cursor.epoch && position.seq === cursor.seq;
      return ageSteps(isOurs ? state : restartAt(state, cursor));
    }
    case "resync": {
      const cursor = parseCursor(event.cursor);
      return cursor ? restartAt(state, cursor) : state;
    }
    case "typing": {
      const id = event.chat_session_id;
      if (event.is_typing) {
        const typing = { taskId: event.task_id, expiresAt: event.expires_at };
        return { ...state, typing: { ...state.typing, [id]: typing } };
      }
      if (state.typing[id]?.taskId !== event.task_id) return state;
      return { ...state, typing: without(state.typing, id) };
    }
    case "message.delta":
      return changeThread(state, event.chat_session_id, (thread) => putDelta(thread, event));
    case "message.partial":
      return changeThread(state, event.chat_session_id, (thread) => putPartial(thread, event));
    case "task.step": {
      const known = state.steps[event.task_id];
      const steps = putStep(known, event);
      if (steps === known) return state;
      return { ...state, steps: { ...state.steps, [event.task_id]: steps } };
    }
    case "heartbeat":
    case "server.draining":
    // Drafts are kept on the device, not in the state.
    case "session.draft":
      return state;
    // Durable events always have a cursor.
    case "session.created":
    case "session.updated":
    case "session.read":
    case "session.deleted":
    case "message.created":
    case "message.updated":
    case "message.deleted":
    case "task.updated":
      return state;
    default:
      event satisfies never;
      // Another tab with a newer version of the page may forward an unknown event.
      return state;
  }
}

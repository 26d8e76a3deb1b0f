/**
 * Pure functions that show a copy of earlier state while the server cannot be reached.
 *
 * Restored objects have the log position −1, so that every event and every response replaces them.
 */
import type { Session } from "@/api/models";
import { emptyThread, type FetchedThread, RESTORED_SEQ, type State } from "./state";
import { mergeFetched } from "./thread-reducer";

function addSessions(known: State["sessions"], items: readonly Session[]): State["sessions"] {
  const restored = items.map((value) => [value.id, { seq: RESTORED_SEQ, value }]);
  return { ...Object.fromEntries(restored), ...known };
}

/** Adds sessions from a copy of the list, unless the list has been fetched. */
export function restoreList(state: State, items: readonly Session[]): State {
  if (state.listedAt.active >= 0) return state;
  return { ...state, sessions: addSessions(state.sessions, items) };
}

/** Adds a thread from a copy, unless it has been fetched or its session has been deleted. */
export function restoreThread(state: State, data: FetchedThread): State {
  const { id } = data.session;
  const known = state.threads[id] ?? emptyThread;
  if (known.isLoaded || state.sessions[id]?.value === null) return state;
  const thread = { ...mergeFetched(known, data, RESTORED_SEQ), isStale: true };
  return {
    ...state,
    sessions: addSessions(state.sessions, [data.session]),
    threads: { ...state.threads, [id]: thread },
  };
}

/**
 * Drops everything that has not been fetched or changed since it was restored, except the chat
 * `openId`, which the page fetches.
 */
export function dropRestored(state: State, openId: string | null): State {
  const sessions = Object.entries(state.sessions).filter(
    ([id, { seq }]) => seq > RESTORED_SEQ || id === openId,
  );
  const threads = Object.entries(state.threads).filter(
    ([id, { isStale, fetchedAt }]) => !isStale || fetchedAt > RESTORED_SEQ || id === openId,
  );
  return {
    ...state,
    sessions: Object.fromEntries(sessions),
    threads: Object.fromEntries(threads),
  };
}

/** Tracks the log position that the state has reached, and handles missed events and new epochs. */
import type { Cursor } from "./cursor";
import { type Entries, initialState, type State } from "./state";

/**
 * Returns whether a response is older than `origin`, which means that the events in between are
 * missing.
 */
export function isBehind(state: State, asOf: Cursor): boolean {
  return asOf.seq < state.origin;
}

/**
 * Adopts the cursor if the state has no position yet. Restarts if the cursor belongs to another
 * epoch, because positions from different epochs cannot be compared.
 */
export function adoptEpoch(state: State, cursor: Cursor): State {
  if (!state.position) return { ...state, position: cursor, origin: cursor.seq };
  if (state.position.epoch === cursor.epoch) return state;
  return restartAt(state, cursor);
}

/**
 * Restarts at `cursor`. Everything must be fetched again. Until then, known sessions and messages
 * stay visible.
 */
export function restartAt(state: State, cursor: Cursor): State {
  const isSameEpoch = state.position?.epoch === cursor.epoch;
  const stale = Object.entries(state.threads).map(([id, thread]) => [
    id,
    { ...thread, isStale: true },
  ]);
  return {
    ...state,
    threads: Object.fromEntries(stale),
    position: cursor,
    origin: cursor.seq,
    generation: state.generation + 1,
    ...(isSameEpoch ? {} : forgetPositions(state)),
  };
}

function forgetPositions(
  state: State,
): Pick<State, "sessions" | "listedAt" | "listedTo" | "threads" | "steps"> {
  const age = <T>(entries: Entries<T>): Entries<T> =>
    Object.fromEntries(
      Object.entries(entries)
        .filter(([, entry]) => entry.value !== null)
        .map(([id, entry]) => [id, { ...entry, seq: -1 }]),
    );
  const threads = Object.entries(state.threads).map(([id, thread]) => [
    id,
    {
      ...thread,
      messages: age(thread.messages),
      detached: {},
      tasks: age(thread.tasks),
      fetchedAt: -1,
      isStale: true,
    },
  ]);
  return {
    sessions: age(state.sessions),
    listedAt: initialState.listedAt,
    listedTo: initialState.listedTo,
    threads: Object.fromEntries(threads),
    steps: {},
  };
}

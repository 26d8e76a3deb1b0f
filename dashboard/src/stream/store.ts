/** Holds the reducer's state and tells React about it. */
import { useSyncExternalStore } from "react";
import { reduce } from "./reducer";
import { type Action, initialState, type State } from "./state";

export interface Store {
  getState(): State;
  /** Applies all actions, then notifies once. */
  dispatch(...actions: readonly Action[]): void;
  subscribe(listener: () => void): () => void;
}

function createStore(): Store {
  let state = initialState;
  const listeners = new Set<() => void>();
  return {
    getState: () => state,
    dispatch(...actions) {
      const next = actions.reduce(reduce, state);
      if (next === state) return;
      state = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The page's one store. */
export const store = createStore();

/** A part of the state. `select` must return the same object while that part is the same. */
export function useStore<T>(select: (state: State) => T): T {
  return useSyncExternalStore(store.subscribe, () => select(store.getState()));
}

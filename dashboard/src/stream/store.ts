/** Holds the reducer's state and notifies React about changes. */
import { createObservable, type Observable, useObservable } from "@/observable";
import { reduce } from "./reducer";
import { type Action, initialState, type State } from "./state";

export interface Store extends Pick<Observable<State>, "subscribe"> {
  getState(): State;
  /** Applies all actions, then notifies once. */
  dispatch(...actions: readonly Action[]): void;
}

const state = createObservable(initialState);

/** The page's only store. */
export const store: Store = {
  getState: state.get,
  dispatch: (...actions) => state.set(actions.reduce(reduce, state.get())),
  subscribe: state.subscribe,
};

/**
 * Returns the part of the state that `select` returns. `select` must return the same object until
 * that part changes.
 */
export function useStore<T>(select: (state: State) => T): T {
  return useObservable(state, select);
}

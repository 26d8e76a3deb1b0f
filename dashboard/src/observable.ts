/**
 * Observable values and event emitters that work outside of React, and a hook that returns values.
 */
import { useSyncExternalStore } from "react";

type Unsubscribe = () => void;

export interface Emitter<Event> {
  /** Calls all current listeners. Listeners added during the call receive only later events. */
  emit(event: Event): void;
  subscribe(listener: (event: Event) => void): Unsubscribe;
}

export function createEmitter<Event = void>(): Emitter<Event> {
  const listeners = new Set<(event: Event) => void>();
  return {
    emit(event) {
      for (const listener of [...listeners]) listener(event);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A value that notifies its listeners of changes. */
export interface ReadonlyObservable<Value> {
  get(): Value;
  subscribe(listener: () => void): Unsubscribe;
}

export interface Observable<Value> extends ReadonlyObservable<Value> {
  /** Stores the value and notifies all listeners, unless the value is unchanged. */
  set(next: Value): void;
}

export function createObservable<Value>(initial: Value): Observable<Value> {
  let value = initial;
  const changes = createEmitter();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      changes.emit();
    },
    subscribe: changes.subscribe,
  };
}

/**
 * Returns the current value or the part of it that `select` returns. `select` must return the same
 * object until that part changes.
 */
export function useObservable<Value>(observable: ReadonlyObservable<Value>): Value;
export function useObservable<Value, Part>(
  observable: ReadonlyObservable<Value>,
  select: (value: Value) => Part,
): Part;
export function useObservable<Value, Part>(
  { get, subscribe }: ReadonlyObservable<Value>,
  select?: (value: Value) => Part,
) {
  return useSyncExternalStore(subscribe, () => (select ? select(get()) : get()));
}

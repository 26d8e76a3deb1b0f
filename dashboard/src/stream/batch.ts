/** Collects events that arrive in quick succession, so that views update once per frame. */

/** The longest delay before delivery. Items are usually delivered with the next frame. */
const BATCH_MS = 50;

export interface Batch<T> {
  add(item: T): void;
  /** Delivers the collected items immediately. */
  flush(): void;
}

export function createBatch<T>(onItems: (items: readonly T[]) => void): Batch<T> {
  let queue: T[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;

  function flush() {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    timer = undefined;
    const items = queue;
    queue = [];
    if (items.length > 0) onItems(items);
  }

  return {
    flush,
    add(item) {
      queue.push(item);
      // A hidden page gets no frames, and its timers are slow, but other tabs may depend on its
      // events.
      if (document.visibilityState === "hidden") return flush();
      if (timer !== undefined) return;
      timer = setTimeout(flush, BATCH_MS);
      frame = requestAnimationFrame(flush);
    },
  };
}

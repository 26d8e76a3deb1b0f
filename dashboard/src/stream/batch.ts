/** Gathers what comes in quick succession, so that the views change once a frame. */

/** What was gathered is handed over at most this late; usually with the next frame. */
const BATCH_MS = 50;

export interface Batch<T> {
  add(item: T): void;
  /** Hands over at once what there is. */
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
      // A hidden page gets no frames and slow timers, but others may wait for what it hears.
      if (document.visibilityState === "hidden") return flush();
      if (timer !== undefined) return;
      timer = setTimeout(flush, BATCH_MS);
      frame = requestAnimationFrame(flush);
    },
  };
}

/**
 * A lock that the tabs of a browser share if Web Locks are unavailable, such as over plain HTTP.
 * The tabs use a BroadcastChannel to agree on which of them holds the lock.
 *
 * A tab that wants the lock asks for it, and the holder objects. If several tabs ask at the same
 * time, the one with the smallest ID proceeds. A holder releases the lock when it closes. If the
 * holder is silent, the waiting tabs ask again.
 *
 * A holder's term is the time at which it acquired the lock, or a slightly later time if it has
 * seen an equal or later term. If two tabs believe that they hold the lock, for example after one
 * of them was frozen, the tab with the later term keeps it.
 *
 * Guarantees: a free lock is acquired within a second, and a crashed tab's lock within seconds. Two
 * tabs may briefly hold the lock at the same time. The guarded resource must tolerate that.
 */
import { newId } from "@/identifier";

/** The part of the browser's LockManager that the shared stream uses. */
export interface Locks {
  request(name: string, options: LockOptions, use: () => Promise<void> | undefined): Promise<void>;
}

type LockMessage =
  | { kind: "ask"; from: string }
  | { kind: "hold"; from: string; term: number }
  | { kind: "release" };

/** How long an asking tab waits for an objection. */
const ASK_MS = 400;
/**
 * How often the holder announces itself. A hidden tab's timers are slower, but a hidden holder
 * still objects immediately.
 */
const BEAT_MS = 1500;
/** How long the holder may be silent before a waiting tab asks for the lock again. */
const SILENCE_MS = 4000;

export function createChannelLocks(): Locks {
  return {
    request: (name, options, use) =>
      new Promise((resolve, reject) => {
        startRequest(name, options, use, (error) => (error ? reject(error) : resolve()));
      }),
  };
}

/** The latest term known to this tab. */
let latestTerm = 0;
/** Whether the page is being unloaded and must not reacquire the lock that it has just released. */
let isLeft = false;
window.addEventListener("pagehide", () => {
  isLeft = true;
});
window.addEventListener("pageshow", () => {
  isLeft = false;
});

const lost = () => new DOMException("The lock was lost.", "AbortError");

/**
 * Requests the lock and calls `use` while holding it. Then calls `onEnd` once, with an error if the
 * request was aborted or the lock was lost.
 */
function startRequest(
  name: string,
  { steal = false, signal }: LockOptions,
  use: () => Promise<void> | undefined,
  onEnd: (error?: DOMException) => void,
): void {
  const id = newId();
  const channel = new BroadcastChannel(`${name}-lock`);
  let role: "waiting" | "asking" | "holding" | "ended" = "waiting";
  let term = 0;
  let heardAt = Date.now();
  let askTimer: ReturnType<typeof setTimeout> | undefined;

  const post = (message: LockMessage) => channel.postMessage(message);

  function wait() {
    role = "waiting";
    heardAt = Date.now();
    clearTimeout(askTimer);
  }

  function ask() {
    wait();
    if (isLeft) return;
    role = "asking";
    post({ kind: "ask", from: id });
    askTimer = setTimeout(take, ASK_MS);
  }

  function take() {
    role = "holding";
    term = Math.max(Date.now(), latestTerm + 1);
    latestTerm = term;
    post({ kind: "hold", from: id, term });
    void Promise.resolve(use()).then(() => {
      if (role === "holding") post({ kind: "release" });
      end();
    });
  }

  function end(error?: DOMException) {
    if (role === "ended") return;
    role = "ended";
    clearTimeout(askTimer);
    clearInterval(beat);
    channel.close();
    signal?.removeEventListener("abort", onAbort);
    window.removeEventListener("pagehide", onHide);
    window.removeEventListener("pageshow", onShow);
    onEnd(error);
  }

  function onMessage({ data: message }: MessageEvent<LockMessage>) {
    switch (message.kind) {
      case "ask":
        if (role === "holding") post({ kind: "hold", from: id, term });
        else if (role === "asking" && message.from < id) wait();
        else if (role === "asking") post({ kind: "ask", from: id });
        return;
      case "hold": {
        latestTerm = Math.max(latestTerm, message.term);
        if (role !== "holding") return wait();
        const isLater = message.term > term || (message.term === term && message.from < id);
        return isLater ? end(lost()) : post({ kind: "hold", from: id, term });
      }
      case "release":
        if (role === "waiting") ask();
        return;
      default:
        message satisfies never;
    }
  }

  function onBeat() {
    if (role === "holding") post({ kind: "hold", from: id, term });
    else if (role === "waiting" && Date.now() - heardAt > SILENCE_MS) ask();
  }

  function onAbort() {
    // As with Web Locks, aborting has no effect once the lock is held.
    if (role !== "holding") end(lost());
  }

  function onHide() {
    if (role === "holding") {
      post({ kind: "release" });
      end(lost());
    } else wait();
  }

  function onShow() {
    if (role === "waiting") ask();
  }

  channel.addEventListener("message", onMessage);
  signal?.addEventListener("abort", onAbort);
  window.addEventListener("pagehide", onHide);
  window.addEventListener("pageshow", onShow);
  const beat = setInterval(onBeat, BEAT_MS);
  if (steal) take();
  else ask();
}

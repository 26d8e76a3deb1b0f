/**
 * Keeps one event stream open while the page is open.
 *
 * Reconnects with backoff and jitter, but immediately when the device comes online or the page
 * becomes visible. Also reconnects when the server has been silent for too long. The caller tracks
 * the position from which to resume. Events are delivered in order and in batches.
 */
import { createBatch } from "./batch";
import { noteServerTime } from "./clock";
import { type Cursor, formatCursor, parseCursor } from "./cursor";
import { eventTypes, parseEvent, type StreamEvent } from "./events";

export type ConnectionStatus = "connecting" | "live" | "offline";

export interface Received {
  readonly cursor: Cursor | null;
  readonly event: StreamEvent;
}

export interface ConnectionOptions {
  /** Returns the position to resume from, or null to start with new events. */
  position: () => Cursor | null;
  onEvents: (events: readonly Received[]) => void;
  onStatus: (status: ConnectionStatus) => void;
  /**
   * Called after the second and each later consecutive failure. The caller can send a request to
   * find the cause, because an EventSource does not expose the status code.
   */
  onTrouble: () => void;
}

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
/** How long to wait for `hello` after connecting. */
const HELLO_TIMEOUT_MS = 10_000;
/** The number of heartbeat intervals without an event after which the stream is considered dead. */
const MISSED_BEATS = 2.5;
/** The corresponding number for `wake` and `check`. It is lower because timers may be late. */
const LATE_BEATS = 1.2;

export interface Connection {
  close(): void;
  /** Reconnects immediately if a retry is pending or the stream is silent. */
  wake(): void;
  /**
   * Reconnects if the stream is silent or a retry is overdue. Either can happen because a hidden
   * page's timers are late.
   */
  check(): void;
}

export function connect(options: ConnectionOptions): Connection {
  let source: EventSource | null = null;
  let failures = 0;
  let heartbeatMs = 15_000;
  let signAt = 0;
  let retryAt = 0;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let silenceTimer: ReturnType<typeof setTimeout> | undefined;
  const batch = createBatch(options.onEvents);

  function expectSignWithin(ms: number) {
    signAt = Date.now();
    clearTimeout(silenceTimer);
    silenceTimer = setTimeout(() => retry(), ms);
  }

  function receive(frame: MessageEvent<string>) {
    const event = parseEvent(frame.data);
    expectSignWithin(heartbeatMs * MISSED_BEATS);
    if (!event) return;
    if (event.type === "hello") {
      heartbeatMs = event.heartbeat_ms;
      failures = 0;
      expectSignWithin(heartbeatMs * MISSED_BEATS);
      options.onStatus("live");
    }
    if (event.type === "hello" || event.type === "heartbeat") noteServerTime(event.at);
    // Only durable events have an ID, but `lastEventId` stays set for later events.
    const cursor = "session" in event || event.type === "session.deleted" ? frame.lastEventId : "";
    batch.add({ cursor: parseCursor(cursor), event });
  }

  function open() {
    close();
    options.onStatus(navigator.onLine ? "connecting" : "offline");
    const position = options.position();
    const query = position ? `?after=${encodeURIComponent(formatCursor(position))}` : "";
    const opened = new EventSource(`/v1/events${query}`);
    source = opened;
    for (const type of eventTypes) opened.addEventListener(type, receive);
    opened.onerror = () => {
      if (source === opened) retry();
    };
    expectSignWithin(HELLO_TIMEOUT_MS);
  }

  function close() {
    batch.flush();
    clearTimeout(retryTimer);
    clearTimeout(silenceTimer);
    retryTimer = undefined;
    source?.close();
    source = null;
  }

  function retry() {
    close();
    options.onStatus(navigator.onLine ? "connecting" : "offline");
    failures += 1;
    if (failures >= 2) options.onTrouble();
    const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
    const delay =
      failures === 1 ? Math.random() * FIRST_DELAY_MS : ceiling * (0.5 + Math.random() / 2);
    retryAt = Date.now() + delay;
    retryTimer = setTimeout(open, delay);
  }

  /** Skips the rest of the backoff. */
  function retryNow() {
    if (retryTimer !== undefined) open();
  }

  function check() {
    const isSilent = Date.now() - signAt > heartbeatMs * LATE_BEATS;
    const isDue = source ? isSilent : Date.now() >= retryAt;
    if (isDue) open();
  }

  function wake() {
    if (source) check();
    else retryNow();
  }

  function onVisible() {
    if (document.visibilityState === "visible") wake();
  }

  function onOffline() {
    options.onStatus("offline");
  }

  function onOnline() {
    if (source) open();
    else retryNow();
  }

  window.addEventListener("online", onOnline);
  window.addEventListener("offline", onOffline);
  document.addEventListener("visibilitychange", onVisible);
  open();

  return {
    wake,
    check,
    close() {
      close();
      window.removeEventListener("online", onOnline);
      window.removeEventListener("offline", onOffline);
      document.removeEventListener("visibilitychange", onVisible);
    },
  };
}

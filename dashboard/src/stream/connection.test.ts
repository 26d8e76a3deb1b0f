import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { at } from "@/test-objects";
import { type Connection, type ConnectionOptions, connect } from "./connection";

/** A fake EventSource that a test uses to send events. */
class FakeEventSource extends EventTarget {
  static opened: FakeEventSource[] = [];
  onerror: (() => void) | null = null;
  isClosed = false;
  readonly url: string;
  constructor(url: string) {
    super();
    this.url = url;
    FakeEventSource.opened.push(this);
  }
  close() {
    this.isClosed = true;
  }
  send(event: { type: string }, lastEventId = "") {
    const data = JSON.stringify({ at, ...event });
    this.dispatchEvent(new MessageEvent(event.type, { data, lastEventId }));
  }
  hello() {
    this.send({ type: "hello", cursor: "a-7", heartbeat_ms: 15_000, retry_ms: 1000 } as never);
  }
}

const latest = () => FakeEventSource.opened.at(-1) as FakeEventSource;
const count = () => FakeEventSource.opened.length;

let connection: Connection | undefined;
const statuses: string[] = [];
const onTrouble = vi.fn();

function open(over: Partial<ConnectionOptions> = {}) {
  const options = { position: () => null, onEvents: () => {}, onTrouble, ...over };
  connection = connect({ onStatus: (status) => statuses.push(status), ...options });
}

function setVisibility(state: DocumentVisibilityState) {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", FakeEventSource);
  FakeEventSource.opened = [];
  statuses.length = 0;
  onTrouble.mockClear();
});

afterEach(() => {
  connection?.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("connect", () => {
  it("resumes after the given position", () => {
    open({ position: () => ({ epoch: "a", seq: 7 }) });

    expect(latest().url).toBe("/v1/events?after=a-7");
  });

  it("delivers a cursor only with durable events", () => {
    const received: unknown[] = [];
    open({ onEvents: (events) => received.push(...events) });

    latest().hello();
    latest().send({ type: "session.deleted", chat_session_id: "s" } as never, "a-8");
    latest().send({ type: "heartbeat" }, "a-8");
    vi.advanceTimersByTime(100);

    expect(received).toMatchObject([
      { cursor: null, event: { type: "hello" } },
      { cursor: { epoch: "a", seq: 8 }, event: { type: "session.deleted" } },
      { cursor: null, event: { type: "heartbeat" } },
    ]);
  });

  it("retries with exponential backoff and jitter, and reports repeated failures", () => {
    const delays: number[] = [];
    open();
    for (let failure = 0; failure < 12; failure += 1) {
      const before = count();
      latest().onerror?.();
      const failedAt = Date.now();
      while (count() === before) vi.advanceTimersByTime(10);
      delays.push(Date.now() - failedAt);
    }

    expect(delays[0]).toBeLessThanOrEqual(510);
    expect(Math.max(...delays)).toBeLessThanOrEqual(15_010);
    expect(Math.min(...delays.slice(-3))).toBeGreaterThanOrEqual(7500);
    expect(new Set(delays.slice(-4)).size).toBeGreaterThan(1);
    expect(onTrouble).toHaveBeenCalledTimes(11);
  });

  it("resets the backoff after connecting", () => {
    open();
    for (let failure = 0; failure < 8; failure += 1) {
      latest().onerror?.();
      vi.advanceTimersByTime(15_000);
    }
    latest().hello();
    const before = count();

    latest().onerror?.();
    vi.advanceTimersByTime(500);

    expect(count()).toBe(before + 1);
    expect(statuses).toContain("live");
  });

  it("reconnects immediately when the device comes online or the page becomes visible", () => {
    open();
    for (const isBack of [
      () => window.dispatchEvent(new Event("online")),
      () => setVisibility("visible"),
    ]) {
      for (let failure = 0; failure < 6; failure += 1) {
        latest().onerror?.();
        if (failure < 5) vi.advanceTimersByTime(15_000);
      }
      const before = count();

      isBack();

      expect(count()).toBe(before + 1);
      expect(latest().isClosed).toBe(false);
    }
  });

  it("treats a connection without hello as failed", () => {
    open();

    vi.advanceTimersByTime(10_000 + 500);

    expect(FakeEventSource.opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it("reconnects after missed heartbeats", () => {
    open();
    latest().hello();

    vi.advanceTimersByTime(15_000);
    latest().send({ type: "heartbeat" });
    vi.advanceTimersByTime(37_000);
    expect(count()).toBe(1);
    vi.advanceTimersByTime(1000);

    expect(count()).toBe(2);
    expect(statuses.at(-1)).toBe("connecting");
  });

  it("reconnects earlier when the page becomes visible after missed heartbeats", () => {
    open();
    latest().hello();
    setVisibility("hidden");
    vi.advanceTimersByTime(20_000);

    setVisibility("visible");

    expect(FakeEventSource.opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it("keeps a healthy stream when the page becomes visible", () => {
    open();
    latest().hello();
    vi.advanceTimersByTime(14_000);

    setVisibility("visible");

    expect(count()).toBe(1);
  });

  it("continues the backoff on check unless a retry is overdue", () => {
    open();
    for (let failed = 0; failed < 6; failed += 1) {
      latest().onerror?.();
      vi.advanceTimersByTime(15_000);
    }
    latest().onerror?.();
    const before = count();

    connection?.check();
    expect(count()).toBe(before);

    vi.setSystemTime(Date.now() + 15_000);
    connection?.check();
    expect(count()).toBe(before + 1);

    latest().onerror?.();
    connection?.wake();
    expect(count()).toBe(before + 2);
  });

  it("reports that the device is offline", () => {
    open();
    latest().hello();
    window.dispatchEvent(new Event("offline"));

    expect(statuses.at(-1)).toBe("offline");
  });

  it("does not reconnect after it is closed", () => {
    open();
    latest().onerror?.();

    connection?.close();
    vi.advanceTimersByTime(60_000);
    window.dispatchEvent(new Event("online"));

    expect(count()).toBe(1);
  });
});

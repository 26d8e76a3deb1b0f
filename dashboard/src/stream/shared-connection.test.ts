import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { at } from "@/test-objects";
import type { Received } from "./connection";
import { connectShared } from "./shared-connection";

/** A fake BroadcastChannel that a test uses to act as the other tabs. */
class FakeChannel extends EventTarget {
  static posted: { kind: string; from?: string }[] = [];
  static latest: FakeChannel;
  constructor() {
    super();
    FakeChannel.latest = this;
  }
  postMessage(note: { kind: string }) {
    FakeChannel.posted.push(note);
  }
  close() {}
}

/** Delivers a message from another tab. */
function receive(data: unknown) {
  FakeChannel.latest.dispatchEvent(new MessageEvent("message", { data }));
}

/** A fake LockManager. A test sets `isTaken` to simulate that another tab holds the lock. */
class FakeLocks {
  isTaken = false;
  /** Takes the lock from this tab. */
  steal = () => {};
  request(_name: string, { steal = false }: LockOptions, use: () => Promise<void> | undefined) {
    return new Promise<void>((resolve, reject) => {
      if (this.isTaken && !steal) return;
      this.isTaken = true;
      this.steal = () => reject(new DOMException("taken", "AbortError"));
      void use()?.then(resolve);
    });
  }
}

class FakeEventSource extends EventTarget {
  static opened: FakeEventSource[] = [];
  onerror: (() => void) | null = null;
  isClosed = false;
  constructor() {
    super();
    FakeEventSource.opened.push(this);
  }
  close() {
    this.isClosed = true;
  }
}

const deleted = (seq: number): Received => ({
  cursor: { epoch: "a", seq },
  event: { type: "session.deleted", at, chat_session_id: "s" },
});
const posted = (kind: string) => FakeChannel.posted.filter((note) => note.kind === kind);
const streams = () => FakeEventSource.opened.map(({ isClosed }) => (isClosed ? "closed" : "open"));

let locks: FakeLocks;
let close = () => {};
const received: Received[] = [];
const statuses: string[] = [];

function open() {
  close = connectShared({
    position: () => ({ epoch: "a", seq: 7 }),
    onEvents: (events) => received.push(...events),
    onStatus: (status) => statuses.push(status),
    onTrouble: () => {},
    snapshot: () => [],
  });
}

/** Delivers the leader's response to the tab's latest request to join. */
function welcome(events: readonly Received[] = []) {
  receive({ kind: "welcome", to: posted("join").at(-1)?.from, status: "live", events });
}

beforeEach(() => {
  vi.useFakeTimers();
  locks = new FakeLocks();
  vi.stubGlobal("BroadcastChannel", FakeChannel);
  vi.stubGlobal("EventSource", FakeEventSource);
  Object.defineProperty(navigator, "locks", { value: locks, configurable: true });
  FakeChannel.posted = [];
  FakeEventSource.opened = [];
  received.length = 0;
  statuses.length = 0;
});

afterEach(() => {
  close();
  Reflect.deleteProperty(navigator, "locks");
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("connectShared", () => {
  it("follows a leader that sends events", () => {
    locks.isTaken = true;
    open();
    welcome();

    for (let seq = 8; seq < 28; seq += 1) {
      vi.advanceTimersByTime(3000);
      receive({ kind: "events", events: [deleted(seq)] });
    }

    expect(received).toHaveLength(20);
    expect(posted("join")).toHaveLength(1);
    expect(streams()).toEqual([]);
  });

  it("follows a silent leader that responds to requests to join", () => {
    locks.isTaken = true;
    open();
    welcome();

    for (let answers = 2; answers < 12; answers += 1) {
      while (posted("join").length < answers) vi.advanceTimersByTime(1000);
      welcome();
    }

    expect(streams()).toEqual([]);
  });

  it("takes the lead from a leader that does not respond", () => {
    locks.isTaken = true;
    open();
    welcome();

    vi.advanceTimersByTime(10_000);

    expect(streams()).toEqual(["open"]);
    expect(posted("lead")).toHaveLength(1);
  });

  it("follows the new leader after the lock was stolen", async () => {
    open();
    expect(streams()).toEqual(["open"]);

    receive({ kind: "lead" });
    locks.steal();
    await vi.advanceTimersByTimeAsync(0);
    welcome([deleted(8)]);
    vi.advanceTimersByTime(4000);

    expect(streams()).toEqual(["closed"]);
    expect(received).toEqual([deleted(8)]);
    expect(statuses.at(-1)).toBe("live");
  });

  it("makes all tabs join again after the lock was stolen", async () => {
    open();
    FakeChannel.posted = [];

    locks.steal();
    await vi.advanceTimersByTimeAsync(0);

    expect(FakeChannel.posted.map(({ kind }) => kind)).toEqual(["lead", "join"]);
  });
});

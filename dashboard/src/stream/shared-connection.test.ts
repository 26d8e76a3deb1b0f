import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { at } from "@/test-objects";
import type { Received } from "./connection";
import { connectShared } from "./shared-connection";

/** The channel, as far as one tab uses it; the test plays the other tabs. */
class FakeChannel extends EventTarget {
  static said: { kind: string; from?: string }[] = [];
  static latest: FakeChannel;
  constructor() {
    super();
    FakeChannel.latest = this;
  }
  postMessage(note: { kind: string }) {
    FakeChannel.said.push(note);
  }
  close() {}
}

/** What another tab says. */
function hear(data: unknown) {
  FakeChannel.latest.dispatchEvent(new MessageEvent("message", { data }));
}

/** The lock, which another tab may hold; nobody else waits for it. */
class FakeLocks {
  isTaken = false;
  /** Another tab takes it from this one. */
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
const said = (kind: string) => FakeChannel.said.filter((note) => note.kind === kind);
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

/** The leader's answer to the tab's latest wish to join. */
function welcome(events: readonly Received[] = []) {
  hear({ kind: "welcome", to: said("join").at(-1)?.from, status: "live", events });
}

beforeEach(() => {
  vi.useFakeTimers();
  locks = new FakeLocks();
  vi.stubGlobal("BroadcastChannel", FakeChannel);
  vi.stubGlobal("EventSource", FakeEventSource);
  Object.defineProperty(navigator, "locks", { value: locks, configurable: true });
  FakeChannel.said = [];
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

describe("the shared stream", () => {
  it("is the leader's for as long as the leader is heard", () => {
    locks.isTaken = true;
    open();
    welcome();

    for (let seq = 8; seq < 28; seq += 1) {
      vi.advanceTimersByTime(3000);
      hear({ kind: "events", events: [deleted(seq)] });
    }

    expect(received).toHaveLength(20);
    expect(said("join")).toHaveLength(1);
    expect(streams()).toEqual([]);
  });

  it("stays with a leader that has nothing to tell and answers", () => {
    locks.isTaken = true;
    open();
    welcome();

    for (let answers = 2; answers < 12; answers += 1) {
      while (said("join").length < answers) vi.advanceTimersByTime(1000);
      welcome();
    }

    expect(streams()).toEqual([]);
  });

  it("is taken from a leader that holds the lock and does not answer", () => {
    locks.isTaken = true;
    open();
    welcome();

    vi.advanceTimersByTime(10_000);

    expect(streams()).toEqual(["open"]);
    expect(said("lead")).toHaveLength(1);
  });

  it("is closed by a leader that lost the lock in its sleep, which then follows the new one", async () => {
    open();
    expect(streams()).toEqual(["open"]);

    hear({ kind: "lead" });
    locks.steal();
    await vi.advanceTimersByTimeAsync(0);
    welcome([deleted(8)]);
    vi.advanceTimersByTime(4000);

    expect(streams()).toEqual(["closed"]);
    expect(received).toEqual([deleted(8)]);
    expect(statuses.at(-1)).toBe("live");
  });

  it("has everybody ask the new leader, once the old one knows that it is none", async () => {
    open();
    FakeChannel.said = [];

    locks.steal();
    await vi.advanceTimersByTimeAsync(0);

    expect(FakeChannel.said.map(({ kind }) => kind)).toEqual(["lead", "join"]);
  });
});

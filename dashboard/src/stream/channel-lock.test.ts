import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createChannelLocks } from "./channel-lock";

/**
 * A fake BroadcastChannel. Messages arrive after 1 ms. Messages for a frozen channel arrive after
 * `thaw`.
 */
class Channel extends EventTarget {
  static all: Channel[] = [];
  isFrozen = false;
  missed: unknown[] = [];
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
    Channel.all.push(this);
  }
  postMessage(data: unknown) {
    if (this.isFrozen) return;
    for (const other of Channel.all)
      if (other !== this && other.name === this.name) setTimeout(() => other.receive(data), 1);
  }
  receive(data: unknown) {
    if (!Channel.all.includes(this)) return;
    if (this.isFrozen) this.missed.push(data);
    else this.dispatchEvent(new MessageEvent("message", { data }));
  }
  thaw() {
    this.isFrozen = false;
    for (const data of this.missed.splice(0)) this.receive(data);
  }
  close() {
    Channel.all = Channel.all.filter((one) => one !== this);
  }
}

interface Tab {
  state: "waiting" | "holding" | "released" | "lost";
  release: () => void;
  readonly channel: Channel;
}

let tabs: Tab[] = [];
/** Each test uses a different lock, because requests from earlier tests may still be waiting. */
let lockName = "";

function openTab(options: LockOptions = {}): Tab {
  const request = createChannelLocks().request(lockName, options, () => {
    tab.state = "holding";
    return new Promise<void>((resolve) => {
      tab.release = resolve;
    });
  });
  const channel = Channel.all.at(-1);
  if (!channel) throw new Error("The lock opened no channel.");
  const tab: Tab = { state: "waiting", release: () => {}, channel };
  request.then(
    () => {
      tab.state = "released";
    },
    () => {
      tab.state = "lost";
    },
  );
  tabs.push(tab);
  return tab;
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const holders = () => tabs.filter(({ state }) => state === "holding");

/** Returns the tab that holds the lock. Fails unless exactly one tab holds it. */
function holder(): Tab {
  const [first, ...others] = holders();
  expect(others).toEqual([]);
  if (!first) throw new Error("No tab holds the lock.");
  return first;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("BroadcastChannel", Channel);
  Channel.all = [];
  lockName = crypto.randomUUID();
  tabs = [];
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("createChannelLocks", () => {
  it("grants the lock to the only tab", async () => {
    const tab = openTab();
    await pass(1000);

    expect(holder()).toBe(tab);
  });

  it("grants the lock to one of many tabs that request it at the same time", async () => {
    for (let count = 0; count < 10; count += 1) openTab();
    await pass(1000);

    holder();
    await pass(60_000);
    holder();
  });

  it("does not take the lock from its holder when other tabs request it", async () => {
    const first = openTab();
    await pass(1000);
    for (let count = 0; count < 5; count += 1) {
      openTab();
      await pass(300);
    }
    await pass(60_000);

    expect(holder()).toBe(first);
  });

  it("grants a released lock to another tab within a second", async () => {
    for (let count = 0; count < 5; count += 1) openTab();
    await pass(1000);
    const first = holder();

    first.release();
    await pass(1000);

    expect(first.state).toBe("released");
    expect(holder()).not.toBe(first);
  });

  it("releases the lock on pagehide and does not reacquire it before pageshow", async () => {
    const first = openTab();
    await pass(1000);
    const second = openTab();
    await pass(1000);

    // The tabs of this test share a window, so none may acquire the lock before pageshow.
    window.dispatchEvent(new Event("pagehide"));
    await pass(1000);
    expect(first.state).toBe("lost");
    expect(holders()).toEqual([]);

    window.dispatchEvent(new Event("pageshow"));
    await pass(1000);
    holder();
    expect(["waiting", "holding"]).toContain(second.state);
  });

  it("grants the lock of a crashed tab to another one within seconds", async () => {
    for (let count = 0; count < 5; count += 1) openTab();
    await pass(1000);
    const first = holder();
    first.channel.isFrozen = true;
    first.channel.close();
    tabs = tabs.filter((tab) => tab !== first);

    await pass(7000);

    expect(holder()).not.toBe(first);
  });

  it("takes the lock from a frozen holder that thaws after another tab has acquired the lock", async () => {
    for (let count = 0; count < 3; count += 1) openTab();
    await pass(1000);
    const first = holder();
    first.channel.isFrozen = true;
    await pass(7000);
    expect(holders()).toHaveLength(2);

    first.channel.thaw();
    await pass(2000);

    expect(first.state).toBe("lost");
    expect(holder()).not.toBe(first);
  });

  it("steals the lock immediately and notifies its holder", async () => {
    const first = openTab();
    await pass(1000);
    let hasStolen = false;

    void createChannelLocks().request(lockName, { steal: true }, () => {
      hasStolen = true;
      return new Promise<void>(() => {});
    });

    expect(hasStolen).toBe(true);
    await pass(100);
    expect(first.state).toBe("lost");
  });

  it("stops waiting for the lock after an abort", async () => {
    openTab();
    await pass(1000);
    const end = new AbortController();
    const second = openTab({ signal: end.signal });
    await pass(1000);

    end.abort();
    await pass(0);

    expect(second.state).toBe("lost");
    expect(Channel.all).toHaveLength(1);
  });
});

import { describe, expect, it, vi } from "vitest";
import { ApiError } from "@/api/client";
import { makeMessage, makeOutgoing } from "@/test-objects";
import { createIndexedDbStorage } from "./indexed-db";
import { createOutbox } from "./outbox";
import type { OutgoingMessage } from "./outgoing-message";

import { matchDelivered } from "./use-outbox";

const text = { sessionId: "s", content: "hello", baseline: 0 };
const offline = new ApiError(0, "network", "Failed to fetch");

const ann = "default/ann";
const bob = "default/bob";

const waiting = makeOutgoing({ ...text, key: "k" });

type Options = Parameters<typeof createOutbox>[0];

/** Opens an outbox for Ann's account. */
async function open(options: Omit<Options, "createSession"> & Partial<Options>) {
  const outbox = createOutbox({ createSession: () => Promise.reject(offline), ...options });
  await outbox.open(ann);
  return outbox;
}

function memory(stored: OutgoingMessage[] = []) {
  const items = new Map(stored.map((item) => [item.key, item]));
  return {
    items,
    load: async (owner: string) => [...items.values()].filter((item) => item.owner === owner),
    put: async (item: OutgoingMessage) => void items.set(item.key, item),
    remove: async (key: string) => void items.delete(key),
  };
}

describe("the outbox", () => {
  it("stores a message before sending it and removes it once it is accepted", async () => {
    const storage = memory();
    const send = vi.fn(async () => expect(storage.items.size).toBe(1));
    const outbox = await open({ storage, send });

    await outbox.add(text);
    await vi.waitFor(() => expect(outbox.messages.get()).toEqual([]));

    expect(send).toHaveBeenCalledOnce();
    expect(storage.items.size).toBe(0);
  });

  it("retries with the same key after a network failure", async () => {
    const keys: string[] = [];
    const send = vi.fn(async (item: OutgoingMessage) => {
      keys.push(item.key);
      if (keys.length < 3) throw offline;
    });
    const outbox = await open({ storage: memory(), send, delayMs: () => 0 });

    await outbox.add(text);
    await vi.waitFor(() => expect(outbox.messages.get()).toEqual([]));

    expect(new Set(keys).size).toBe(1);
    expect(keys).toHaveLength(3);
  });

  it("keeps a rejected message with its reason until the user retries it", async () => {
    const refusal = new ApiError(409, "session_archived", "Archived.");
    const send = vi.fn<(item: OutgoingMessage) => Promise<void>>().mockRejectedValueOnce(refusal);
    send.mockResolvedValueOnce();
    const storage = memory();
    const outbox = await open({ storage, send });

    await outbox.add(text);
    await vi.waitFor(() => expect(outbox.messages.get()).toMatchObject([{ state: "failed" }]));
    const [failed] = outbox.messages.get();

    expect(failed).toMatchObject({ content: "hello", reason: { code: "session_archived" } });
    expect([...storage.items.values()]).toEqual([failed]);

    outbox.retry(failed?.key ?? "");
    await vi.waitFor(() => expect(outbox.messages.get()).toEqual([]));

    expect(send.mock.calls.map(([item]) => item.key)).toEqual([failed?.key, failed?.key]);
  });

  it("sends the messages of a session in order", async () => {
    const sent: string[] = [];
    let isOnline = false;
    const send = async (item: OutgoingMessage) => {
      if (!isOnline) throw offline;
      sent.push(item.content);
    };
    const outbox = await open({ storage: memory(), send, delayMs: () => 60_000 });

    await outbox.add({ ...text, content: "one" });
    await vi.waitFor(() => expect(outbox.messages.get()[0]?.state).toBe("waiting"));
    await outbox.add({ ...text, content: "two" });
    isOnline = true;
    await vi.waitFor(() => {
      outbox.retryWaiting();
      expect(outbox.messages.get()).toEqual([]);
    });

    expect(sent).toEqual(["one", "two"]);
  });

  it("sends pending messages after a reload", async () => {
    const storage = createIndexedDbStorage();
    const first = await open({
      storage,
      send: () => Promise.reject(offline),
      delayMs: () => 60_000,
    });
    await first.add(text);
    await vi.waitFor(() => expect(first.messages.get()).toMatchObject([{ state: "waiting" }]));
    const [pending] = first.messages.get();

    const sent: OutgoingMessage[] = [];
    const second = await open({ storage, send: async (item) => void sent.push(item) });
    await vi.waitFor(() => expect(second.messages.get()).toEqual([]));

    expect(sent.map((item) => item.key)).toEqual([pending?.key]);
    expect(await storage.load(ann)).toEqual([]);
  });

  it("neither shows nor sends the messages of another account", async () => {
    const storage = createIndexedDbStorage();
    const sent: string[] = [];
    let isOnline = false;
    const send = async (item: OutgoingMessage) => {
      if (!isOnline) throw offline;
      sent.push(`${item.owner}: ${item.content}`);
    };
    const outbox = await open({ storage, send, delayMs: () => 60_000 });
    await outbox.add({ ...text, content: "hers" });
    await vi.waitFor(() => expect(outbox.messages.get()).toMatchObject([{ state: "waiting" }]));

    isOnline = true;
    await outbox.open(bob);
    outbox.retryWaiting();
    await outbox.add({ ...text, content: "his" });
    await vi.waitFor(() => expect(sent).toEqual([`${bob}: his`]));
    expect(outbox.messages.get()).toEqual([]);

    await outbox.open(ann);
    await vi.waitFor(() => expect(sent).toEqual([`${bob}: his`, `${ann}: hers`]));
  });

  it("shows no messages and rejects new ones while no account is signed in", async () => {
    const storage = memory();
    const outbox = await open({ storage, send: () => Promise.reject(offline) });
    await outbox.add(text);

    outbox.close();

    expect(outbox.messages.get()).toEqual([]);
    await expect(outbox.add(text)).rejects.toThrow("No account is signed in");
    expect(storage.items.size).toBe(1);
  });

  it("keeps a message after a 401 response until the author signs in again", async () => {
    const storage = memory();
    const signedOut = new ApiError(401, "unauthorized", "A key is needed.");
    const first = await open({ storage, send: () => Promise.reject(signedOut) });
    await first.add(text);
    await vi.waitFor(() => expect(first.messages.get()).toMatchObject([{ state: "waiting" }]));

    const send = vi.fn(async () => {});
    await open({ storage, send });

    await vi.waitFor(() => expect(storage.items.size).toBe(0));
    expect(send).toHaveBeenCalledOnce();
  });

  it("creates the session of a first message and posts the message with the same key", async () => {
    const storage = memory();
    const [created, sent]: [OutgoingMessage[], OutgoingMessage[]] = [[], []];
    const announced: string[] = [];
    const createSession = async (item: OutgoingMessage) => {
      created.push(item);
      if (created.length === 1) throw offline;
      return "made";
    };
    const send = async (item: OutgoingMessage) => void sent.push(item);
    const outbox = await open({ storage, createSession, send, delayMs: () => 0 });
    outbox.onSessionCreated((sessionId) => announced.push(sessionId));

    await outbox.add({ sessionId: null, agentKey: "demo", content: "hello", baseline: 0 });
    await vi.waitFor(() => expect(outbox.messages.get()).toEqual([]));

    expect(created).toMatchObject([{ agentKey: "demo" }, { agentKey: "demo" }]);
    expect(sent).toMatchObject([{ sessionId: "made", content: "hello" }]);
    expect(new Set([...created, ...sent].map((item) => item.key)).size).toBe(1);
    expect(announced).toEqual(["made"]);
  });

  it("creates the session of a pending first message after a reload", async () => {
    const storage = createIndexedDbStorage();
    const text = { sessionId: null, agentKey: "demo", content: "first", baseline: 0 };
    const send = async () => {};
    const first = await open({ storage, send, delayMs: () => 60_000 });
    await first.add(text);
    await vi.waitFor(() => expect(first.messages.get()).toMatchObject([{ state: "waiting" }]));

    const createSession = vi.fn(async (_item: OutgoingMessage) => "made");
    const second = await open({ storage, createSession, send });
    await vi.waitFor(() => expect(second.messages.get()).toEqual([]));

    expect(createSession.mock.calls.map(([item]) => item.key)).toEqual([
      first.messages.get()[0]?.key,
    ]);
  });

  it("keeps a first message with its reason when its session is rejected", async () => {
    const refusal = new ApiError(422, "agent_unavailable", "No key.");
    const outbox = await open({
      storage: memory(),
      createSession: () => Promise.reject(refusal),
      send: async () => {},
    });

    await outbox.add({ sessionId: null, agentKey: "gone", content: "hello", baseline: 0 });

    await vi.waitFor(() =>
      expect(outbox.messages.get()).toMatchObject([
        { state: "failed", content: "hello", reason: { code: "agent_unavailable" } },
      ]),
    );
  });

  it("honors Retry-After and shows why a message waits", async () => {
    vi.useFakeTimers();
    try {
      const busy = new ApiError(503, "store_busy", "Locked.", 7);
      const send = vi.fn<(item: OutgoingMessage) => Promise<void>>().mockRejectedValueOnce(busy);
      send.mockResolvedValueOnce();
      const outbox = await open({ storage: memory(), send, delayMs: () => 0 });
      await outbox.add(text);
      await vi.advanceTimersByTimeAsync(6999);

      expect(outbox.messages.get()).toMatchObject([
        { state: "waiting", reason: { code: "store_busy" } },
      ]);
      await vi.advanceTimersByTimeAsync(1);
      expect(outbox.messages.get()).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("aborts a hanging attempt after a reconnect and retries with the same key", async () => {
    vi.useFakeTimers();
    try {
      const keys: string[] = [];
      const send = (item: OutgoingMessage, signal: AbortSignal) => {
        keys.push(item.key);
        if (keys.length > 1) return Promise.resolve();
        return new Promise<void>((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(offline));
        });
      };
      const outbox = await open({ storage: memory(), send, delayMs: () => 100 });
      await outbox.add(text);
      outbox.retryWaiting();
      await vi.advanceTimersByTimeAsync(6000);
      expect(outbox.messages.get()).toMatchObject([{ state: "sending" }]);

      outbox.retryWaiting();
      await vi.advanceTimersByTimeAsync(100);

      expect(outbox.messages.get()).toEqual([]);
      expect(keys).toHaveLength(2);
      expect(new Set(keys).size).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("sends a message even if the storage does not respond", async () => {
    vi.useFakeTimers();
    try {
      const storage = { ...memory(), put: () => new Promise<never>(() => {}) };
      const send = vi.fn(async () => {});
      const outbox = await open({ storage, send });

      void outbox.add(text);
      await vi.advanceTimersByTimeAsync(1000);

      expect(send).toHaveBeenCalledOnce();
    } finally {
      vi.useRealTimers();
    }
  });

  it("drops a waiting message that another tab has removed", async () => {
    let notifyRemoved = (_key: string) => {};
    const storage = {
      ...memory(),
      onRemoved: (listener: typeof notifyRemoved) => {
        notifyRemoved = listener;
      },
    };
    const outbox = await open({
      storage,
      send: () => Promise.reject(offline),
      delayMs: () => 60_000,
    });
    await outbox.add(text);
    await vi.waitFor(() => expect(outbox.messages.get()).toMatchObject([{ state: "waiting" }]));

    notifyRemoved("another key");
    expect(outbox.messages.get()).toHaveLength(1);
    notifyRemoved(outbox.messages.get()[0]?.key ?? "");

    expect(outbox.messages.get()).toEqual([]);
  });

  it("removes only the messages of its account", async () => {
    const storage = memory([{ ...waiting, key: "b", owner: bob }]);
    const outbox = await open({ storage, send: () => Promise.reject(offline) });
    await outbox.add(text);

    await outbox.clear();

    expect(outbox.messages.get()).toEqual([]);
    expect([...storage.items.keys()]).toEqual(["b"]);
  });
});

describe("matchDelivered", () => {
  const item: OutgoingMessage = { ...waiting, baseline: 4, state: "sending" };
  const message = makeMessage({ seq: 5, content: "hello" });

  it("matches a message whose event arrives before the response", () => {
    expect([...matchDelivered([item], [message])]).toEqual([[message.id, item.key]]);
  });

  it("does not match an older message with the same content", () => {
    expect(matchDelivered([item], [{ ...message, seq: 4 }]).size).toBe(0);
  });

  it("matches one pending message per message", () => {
    expect(matchDelivered([item, { ...item, key: "k2" }], [message]).size).toBe(1);
  });
});

import { describe, expect, it, vi } from "vitest";
import { ApiError } from "@/api/client";
import { createIndexedDbStorage } from "./indexed-db";
import type { OutgoingMessage } from "./outgoing-message";
import { ann, createMemoryStorage, offline, openOutbox, text } from "./test-outbox";

describe("the outbox", () => {
  it("stores a message before sending it and removes it once it is accepted", async () => {
    const storage = createMemoryStorage();
    const send = vi.fn(async () => expect(storage.messages.size).toBe(1));
    const outbox = await openOutbox({ storage, send });

    await outbox.add(text);
    await vi.waitFor(() => expect(outbox.messages.get()).toEqual([]));

    expect(send).toHaveBeenCalledOnce();
    expect(storage.messages.size).toBe(0);
  });

  it("retries with the same key after a network failure", async () => {
    const keys: string[] = [];
    const send = vi.fn(async (item: OutgoingMessage) => {
      keys.push(item.key);
      if (keys.length < 3) throw offline;
    });
    const outbox = await openOutbox({ storage: createMemoryStorage(), send, delayMs: () => 0 });

    await outbox.add(text);
    await vi.waitFor(() => expect(outbox.messages.get()).toEqual([]));

    expect(new Set(keys).size).toBe(1);
    expect(keys).toHaveLength(3);
  });

  it("keeps a rejected message with its reason until the user retries it", async () => {
    const refusal = new ApiError(409, "session_archived", "Archived.");
    const send = vi.fn<(item: OutgoingMessage) => Promise<void>>().mockRejectedValueOnce(refusal);
    send.mockResolvedValueOnce();
    const storage = createMemoryStorage();
    const outbox = await openOutbox({ storage, send });

    await outbox.add(text);
    await vi.waitFor(() => expect(outbox.messages.get()).toMatchObject([{ state: "failed" }]));
    const [failed] = outbox.messages.get();

    expect(failed).toMatchObject({ content: "hello", reason: { code: "session_archived" } });
    expect([...storage.messages.values()]).toEqual([failed]);

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
    const outbox = await openOutbox({
      storage: createMemoryStorage(),
      send,
      delayMs: () => 60_000,
    });

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
    const first = await openOutbox({
      storage,
      send: () => Promise.reject(offline),
      delayMs: () => 60_000,
    });
    await first.add(text);
    await vi.waitFor(() => expect(first.messages.get()).toMatchObject([{ state: "waiting" }]));
    const [pending] = first.messages.get();

    const sent: OutgoingMessage[] = [];
    const second = await openOutbox({ storage, send: async (item) => void sent.push(item) });
    await vi.waitFor(() => expect(second.messages.get()).toEqual([]));

    expect(sent.map((item) => item.key)).toEqual([pending?.key]);
    expect(await storage.load(ann)).toEqual([]);
  });

  it("honors Retry-After and shows why a message is waiting", async () => {
    vi.useFakeTimers();
    try {
      const busy = new ApiError(503, "store_busy", "Locked.", { retryAfter: 7 });
      const send = vi.fn<(item: OutgoingMessage) => Promise<void>>().mockRejectedValueOnce(busy);
      send.mockResolvedValueOnce();
      const outbox = await openOutbox({ storage: createMemoryStorage(), send, delayMs: () => 0 });
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
      const outbox = await openOutbox({ storage: createMemoryStorage(), send, delayMs: () => 100 });
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
      const storage = { ...createMemoryStorage(), put: () => new Promise<never>(() => {}) };
      const send = vi.fn(async () => {});
      const outbox = await openOutbox({ storage, send });

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
      ...createMemoryStorage(),
      onRemoved: (listener: typeof notifyRemoved) => {
        notifyRemoved = listener;
      },
    };
    const outbox = await openOutbox({
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
});

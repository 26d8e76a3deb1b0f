import { describe, expect, it, vi } from "vitest";
import { ApiError } from "@/api/client";
import { createIndexedDbStorage } from "./indexed-db";
import type { OutgoingMessage } from "./outgoing-message";
import { createMemoryStorage, offline, openOutbox } from "./test-outbox";

describe("the first message of a session", () => {
  it("creates the session of a first message and posts the message with the same key", async () => {
    const storage = createMemoryStorage();
    const [created, sent]: [OutgoingMessage[], OutgoingMessage[]] = [[], []];
    const announced: string[] = [];
    const createSession = async (item: OutgoingMessage) => {
      created.push(item);
      if (created.length === 1) throw offline;
      return "made";
    };
    const send = async (item: OutgoingMessage) => void sent.push(item);
    const outbox = await openOutbox({ storage, createSession, send, delayMs: () => 0 });
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
    const first = await openOutbox({ storage, send, delayMs: () => 60_000 });
    await first.add(text);
    await vi.waitFor(() => expect(first.messages.get()).toMatchObject([{ state: "waiting" }]));

    const createSession = vi.fn(async (_item: OutgoingMessage) => "made");
    const second = await openOutbox({ storage, createSession, send });
    await vi.waitFor(() => expect(second.messages.get()).toEqual([]));

    expect(createSession.mock.calls.map(([item]) => item.key)).toEqual([
      first.messages.get()[0]?.key,
    ]);
  });

  it("keeps a first message and the reason when its session is rejected", async () => {
    const refusal = new ApiError(422, "agent_unavailable", "No key.");
    const outbox = await openOutbox({
      storage: createMemoryStorage(),
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
});

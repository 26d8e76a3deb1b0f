import { describe, expect, it, vi } from "vitest";
import { ApiError } from "@/api/client";
import { makeOutgoing } from "@/test-objects";
import { createIndexedDbStorage } from "./indexed-db";
import type { OutgoingMessage } from "./outgoing-message";
import { ann, bob, createMemoryStorage, offline, openOutbox, text } from "./test-outbox";

describe("the outbox of an account", () => {
  it("neither shows nor sends the messages of another account", async () => {
    const storage = createIndexedDbStorage();
    const sent: string[] = [];
    let isOnline = false;
    const send = async (item: OutgoingMessage) => {
      if (!isOnline) throw offline;
      sent.push(`${item.owner}: ${item.content}`);
    };
    const outbox = await openOutbox({ storage, send, delayMs: () => 60_000 });
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
    const storage = createMemoryStorage();
    const outbox = await openOutbox({ storage, send: () => Promise.reject(offline) });
    await outbox.add(text);

    outbox.close();

    expect(outbox.messages.get()).toEqual([]);
    await expect(outbox.add(text)).rejects.toThrow("No account is signed in");
    expect(storage.messages.size).toBe(1);
  });

  it("keeps a message after a 401 response until the author signs in again", async () => {
    const storage = createMemoryStorage();
    const signedOut = new ApiError(401, "unauthorized", "A key is needed.");
    const first = await openOutbox({ storage, send: () => Promise.reject(signedOut) });
    await first.add(text);
    await vi.waitFor(() => expect(first.messages.get()).toMatchObject([{ state: "waiting" }]));

    const send = vi.fn(async () => {});
    await openOutbox({ storage, send });

    await vi.waitFor(() => expect(storage.messages.size).toBe(0));
    expect(send).toHaveBeenCalledOnce();
  });

  it("removes only the messages of its account", async () => {
    const storage = createMemoryStorage([makeOutgoing({ key: "b", owner: bob })]);
    const outbox = await openOutbox({ storage, send: () => Promise.reject(offline) });
    await outbox.add(text);

    await outbox.clear();

    expect(outbox.messages.get()).toEqual([]);
    expect([...storage.messages.keys()]).toEqual(["b"]);
  });
});

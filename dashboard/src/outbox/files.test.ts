import { describe, expect, it, vi } from "vitest";
import { ApiError } from "@/api/client";
import type { Attachment } from "@/api/models";
import { at } from "@/test-objects";
import type { OutgoingMessage } from "./outgoing-message";
import { createMemoryStorage, offline, openOutbox, text } from "./test-outbox";

const file = (key: string) => ({ key, name: `${key}.txt`, size: 1 });
const attachment = (id: string): Attachment => ({
  ...{ id, name: `${id}.txt`, media_type: "text/plain", size: 1, sha256: "", created_at: at },
  ...{ width: null, height: null },
});
const message = {
  ...text,
  attachments: [attachment("early")],
  waitingFiles: [file("a"), file("b")],
};

describe("the files of a message", () => {
  it("are uploaded once before it is sent, and then removed from the device", async () => {
    const storage = createMemoryStorage();
    const uploads: string[] = [];
    const uploadFile = vi.fn(async ({ key }: { key: string }) => {
      uploads.push(key);
      if (uploads.length === 2) throw offline;
      return attachment(key);
    });
    const sent: OutgoingMessage[] = [];
    const send = async (item: OutgoingMessage) => void sent.push(item);
    const releaseFiles = vi.fn(async () => {});
    const outbox = await openOutbox({ storage, send, uploadFile, releaseFiles, delayMs: () => 0 });

    await outbox.add(message);
    await vi.waitFor(() => expect(outbox.messages.get()).toEqual([]));

    expect(uploads).toEqual(["a", "b", "b"]);
    expect(sent).toMatchObject([
      { attachments: [{ id: "early" }, { id: "a" }, { id: "b" }], waitingFiles: [] },
    ]);
    expect(releaseFiles.mock.calls).toEqual([[["a"]], [["b"]], [[]]]);
  });

  it("keep a message with a rejected file until the user decides", async () => {
    const send = vi.fn(async () => {});
    const releaseFiles = vi.fn(async () => {});
    const uploadFile = () => Promise.reject(new ApiError(413, "file_too_large", ""));
    const options = { storage: createMemoryStorage(), send, uploadFile, releaseFiles };
    const outbox = await openOutbox(options);

    await outbox.add(message);
    await vi.waitFor(() => expect(outbox.messages.get()).toMatchObject([{ state: "failed" }]));
    const [failed] = outbox.messages.get();

    expect(failed).toMatchObject({ reason: { code: "file_too_large" } });
    expect(releaseFiles).not.toHaveBeenCalled();
    await outbox.discard(failed?.key ?? "");
    expect(releaseFiles.mock.calls).toEqual([[["a", "b"]]]);
    expect(send).not.toHaveBeenCalled();
  });

  it("stay on the device if the message is moved back to the draft", async () => {
    const releaseFiles = vi.fn(async () => {});
    const uploadFile = () => Promise.reject(offline);
    const options = { storage: createMemoryStorage(), send: async () => {}, uploadFile };
    const outbox = await openOutbox({ ...options, releaseFiles, delayMs: () => 60_000 });

    await outbox.add(message);
    await vi.waitFor(() => expect(outbox.messages.get()).toMatchObject([{ state: "waiting" }]));
    await outbox.discard(outbox.messages.get()[0]?.key ?? "", true);

    expect(releaseFiles).not.toHaveBeenCalled();
  });

  it("are not sent if the message is discarded during an upload", async () => {
    const send = vi.fn(async () => {});
    const aborted = vi.fn();
    const uploadFile = (_file: unknown, signal: AbortSignal) =>
      new Promise<Attachment>((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted();
          reject(offline);
        });
      });
    const outbox = await openOutbox({ storage: createMemoryStorage(), send, uploadFile });

    await outbox.add(message);
    await outbox.discard(outbox.messages.get()[0]?.key ?? "");

    expect(aborted).toHaveBeenCalledOnce();
    expect(outbox.messages.get()).toEqual([]);
    expect(send).not.toHaveBeenCalled();
  });
});

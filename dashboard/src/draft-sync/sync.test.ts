import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, body, client } from "@/api/client";
import type { Draft, DraftServer } from "./sync";
import { FakeDevice, FakeDraftServer, KEY, offline } from "./test-devices";

const api = setupServer();
beforeAll(() => api.listen({ onUnhandledRequest: "error" }));
afterEach(() => api.resetHandlers());
afterAll(() => api.close());

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

/** Creates a device and a server. Counts the requests that send a draft. */
function setUp(draft: Draft = { text: "", revision: 0 }) {
  const server = new FakeDraftServer();
  server.draft = draft;
  const put = vi.fn(async (_key: string, next: Draft) => server.put(next));
  const get = vi.fn(async () => server.draft);
  const device = new FakeDevice({ get, put });
  return { server, device, put, get };
}

/** Stores a draft as another device would. */
function writeElsewhere(server: FakeDraftServer, text: string): Draft {
  return server.put({ text, revision: server.draft.revision });
}

describe("a draft on this device", () => {
  it("is sent a second after the last key press", async () => {
    const { server, device, put } = setUp();

    for (const text of ["a", "a t", "a th"]) {
      device.write(text);
      await vi.advanceTimersByTimeAsync(600);
    }
    expect(put).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(400);

    expect(put).toHaveBeenCalledOnce();
    expect(server.draft).toEqual({ text: "a th", revision: 1 });
  });

  it("is sent immediately when the page is hidden", async () => {
    const { server, device } = setUp();
    device.write("a thought");

    device.sync.flush();
    await vi.advanceTimersByTimeAsync(0);

    expect(server.draft.text).toBe("a thought");
  });

  it("is cleared on the server as soon as it was sent", async () => {
    const { server, device } = setUp();
    device.write("a thought");
    await vi.advanceTimersByTimeAsync(1000);

    device.write("");
    await vi.advanceTimersByTimeAsync(0);

    expect(server.draft).toEqual({ text: "", revision: 2 });
  });

  it("is not sent again while nothing changes, even after a reload", async () => {
    const { device, put } = setUp();
    device.write("a thought");
    await vi.advanceTimersByTimeAsync(1000);

    device.reload();
    await device.synchronize();
    await vi.advanceTimersByTimeAsync(10_000);

    expect(put).toHaveBeenCalledOnce();
  });

  it("is sent after the connection is restored", async () => {
    const { server, device, put } = setUp();
    put.mockRejectedValueOnce(offline).mockRejectedValueOnce(offline);

    device.write("a thought");
    await vi.advanceTimersByTimeAsync(1000 + 5000 + 10_000);

    expect(put).toHaveBeenCalledTimes(3);
    expect(server.draft.text).toBe("a thought");
  });

  it("does not conflict with itself after a response was lost", async () => {
    const { server, device, put } = setUp();
    put.mockImplementationOnce(async (_key, next) => {
      server.put(next);
      throw offline;
    });

    device.write("a thougth");
    await vi.advanceTimersByTimeAsync(1000);
    device.write("a thought");
    await vi.advanceTimersByTimeAsync(1000);

    expect(server.draft).toEqual({ text: "a thought", revision: 2 });
    expect(device.conflicting).toEqual([]);
  });

  it("is sent again after the server lost newer revisions", async () => {
    const { server, device } = setUp({ text: "", revision: 7 });
    device.write("a thought");
    await vi.advanceTimersByTimeAsync(1000);

    server.draft = { text: "from a backup", revision: 3 };
    device.write("a thought, continued");
    await vi.advanceTimersByTimeAsync(1000);

    expect(server.draft).toEqual({ text: "a thought, continued", revision: 4 });
    expect(device.conflicting).toEqual(["from a backup"]);
  });

  it.each([403, 404, 405])("stays on the device after a response of %i", async (status) => {
    const { device, put } = setUp();
    put.mockRejectedValue(new ApiError(status, "not_found", "Not found."));

    device.write("a thought");
    await vi.advanceTimersByTimeAsync(1000);
    device.write("a thought, continued");
    await vi.advanceTimersByTimeAsync(100_000);

    expect(put).toHaveBeenCalledOnce();
    expect(device.text).toBe("a thought, continued");
  });
});

describe("a draft from another device", () => {
  it("replaces a draft that has not been edited, and clears it", async () => {
    const { server, device } = setUp();

    device.sync.received(KEY, writeElsewhere(server, "a thought"));
    expect(device.text).toBe("a thought");
    device.sync.received(KEY, writeElsewhere(server, ""));

    expect(device.text).toBe("");
    expect(device.conflicting).toEqual([]);
  });

  it("is ignored if it is older than the known one", async () => {
    const { server, device } = setUp();
    const older = writeElsewhere(server, "a thou");
    device.sync.received(KEY, writeElsewhere(server, "a thought"));

    device.sync.received(KEY, older);

    expect(device.text).toBe("a thought");
  });

  it("is kept as a conflicting draft if this one was edited", async () => {
    const { server, device } = setUp();
    writeElsewhere(server, "theirs");

    device.write("mine");
    await vi.advanceTimersByTimeAsync(1000);

    expect([device.text, device.conflicting]).toEqual(["mine", ["theirs"]]);
    expect(server.draft).toEqual({ text: "mine", revision: 2 });
  });

  it("does not overwrite a draft that was typed here without keeping it", async () => {
    const { server, device } = setUp();
    device.write("mine");
    await vi.advanceTimersByTimeAsync(1000);

    device.sync.received(KEY, writeElsewhere(server, "theirs"));

    expect([device.text, device.conflicting]).toEqual(["theirs", ["mine"]]);
  });

  it("does not bring back a text that the user has sent", async () => {
    const { server, device } = setUp();
    device.write("mine");
    await vi.advanceTimersByTimeAsync(1000);
    device.sent.push("mine, continued elsewhere");

    device.sync.received(KEY, writeElsewhere(server, "theirs"));

    expect([device.text, device.conflicting]).toEqual(["theirs", []]);
  });

  it("does not replace text during an IME composition", async () => {
    const { server, device } = setUp();
    device.isComposing = true;

    device.sync.received(KEY, writeElsewhere(server, "theirs"));

    expect([device.text, device.conflicting]).toEqual(["", ["theirs"]]);
  });

  it("is fetched when the chat is opened", async () => {
    const { device } = setUp({ text: "a thought", revision: 4 });

    await device.synchronize();

    expect(device.text).toBe("a thought");
  });
});

it("reads the stored draft from the response to a conflicting request", async () => {
  vi.useRealTimers();
  api.use(
    http.put("*/v1/chat/session/draft", () =>
      HttpResponse.json(
        { code: "draft_conflict", title: "Conflict", draft: { text: "theirs", revision: 9 } },
        { status: 409 },
      ),
    ),
  );
  const server: DraftServer = {
    get: () => Promise.reject(offline),
    put: (key, draft) =>
      body(client.PUT("/v1/chat/{id}/draft", { params: { path: { id: key } }, body: draft })),
  };

  const failure = await server.put(KEY, { text: "mine", revision: 1 }).catch((error) => error);

  expect(failure).toMatchObject({ status: 409, draft: { text: "theirs", revision: 9 } });
});

import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ApiError, body, client, onUnauthorized } from "./client";

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

function respondWith(response: () => Response | Promise<Response>) {
  server.use(http.get("*/v1/agents", response));
}

async function failure(): Promise<ApiError> {
  const error: unknown = await client.GET("/v1/agents").catch((reason: unknown) => reason);
  if (!(error instanceof ApiError)) throw new Error(`not an ApiError: ${String(error)}`);
  return error;
}

describe("a request", () => {
  it("returns the body of a successful response", async () => {
    respondWith(() => HttpResponse.json({ items: [] }));

    expect(await body(client.GET("/v1/agents"))).toEqual({ items: [] });
  });

  it("fails with the code, detail, and Retry-After of the response", async () => {
    const problem = { code: "store_busy", title: "Busy", detail: "The store is locked." };
    respondWith(() => HttpResponse.json(problem, { status: 503, headers: { "Retry-After": "2" } }));

    expect(await failure()).toMatchObject({
      status: 503,
      code: "store_busy",
      message: "The store is locked.",
      retryAfter: 2,
      isTransient: true,
    });
  });

  it.each([
    [400, false],
    [401, false],
    [404, false],
    [409, false],
    [413, false],
    [429, true],
    [500, true],
    [503, true],
  ])("with status %i is transient: %s", async (status, isTransient) => {
    respondWith(() => HttpResponse.json({ code: "some_code" }, { status }));

    expect(await failure()).toMatchObject({ status, isTransient });
  });

  it("derives a code from the status of a response that is not a problem document", async () => {
    respondWith(() => new HttpResponse("<h1>Bad Gateway</h1>", { status: 502 }));

    expect(await failure()).toMatchObject({ code: "http_502", retryAfter: null });
  });

  it("fails as transient without a network", async () => {
    respondWith(() => HttpResponse.error());

    expect(await failure()).toMatchObject({ status: 0, code: "network", isTransient: true });
  });

  it("fails as transient when the server does not respond in time", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      respondWith(() => new Promise<Response>(() => {}));
      const failed = failure();

      await vi.advanceTimersByTimeAsync(30_000);

      expect(await failed).toMatchObject({ status: 0, code: "network", isTransient: true });
    } finally {
      vi.useRealTimers();
    }
  });

  it("notifies listeners of a 401 response until they unsubscribe", async () => {
    const listener = vi.fn();
    const unsubscribe = onUnauthorized(listener);
    respondWith(() => HttpResponse.json({ code: "unauthorized" }, { status: 401 }));

    await failure();
    unsubscribe();
    await failure();

    expect(listener).toHaveBeenCalledOnce();
  });
});

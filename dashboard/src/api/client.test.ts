import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ApiError, body, client, onUnauthorized } from "./client";

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

function answer(response: () => Response | Promise<Response>) {
  server.use(http.get("*/v1/agents", response));
}

async function failure(): Promise<ApiError> {
  const error: unknown = await client.GET("/v1/agents").catch((reason: unknown) => reason);
  if (!(error instanceof ApiError)) throw new Error(`not an ApiError: ${String(error)}`);
  return error;
}

describe("a request", () => {
  it("gives the body", async () => {
    answer(() => HttpResponse.json({ items: [] }));

    expect(await body(client.GET("/v1/agents"))).toEqual({ items: [] });
  });

  it("fails with the code, the reason and the pause that the server named", async () => {
    const problem = { code: "store_busy", title: "Busy", detail: "The store is locked." };
    answer(() => HttpResponse.json(problem, { status: 503, headers: { "Retry-After": "2" } }));

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
  ])("that is answered %i may work later: %s", async (status, isTransient) => {
    answer(() => HttpResponse.json({ code: "some_code" }, { status }));

    expect(await failure()).toMatchObject({ status, isTransient });
  });

  it("has a code also where something before the server answers", async () => {
    answer(() => new HttpResponse("<h1>Bad Gateway</h1>", { status: 502 }));

    expect(await failure()).toMatchObject({ code: "http_502", retryAfter: null });
  });

  it("fails for a passing reason when there is no network", async () => {
    answer(() => HttpResponse.error());

    expect(await failure()).toMatchObject({ status: 0, code: "network", isTransient: true });
  });

  it("fails for a passing reason when nobody answers", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      answer(() => new Promise<Response>(() => {}));
      const failed = failure();

      await vi.advanceTimersByTimeAsync(30_000);

      expect(await failed).toMatchObject({ status: 0, code: "network", isTransient: true });
    } finally {
      vi.useRealTimers();
    }
  });

  it("tells whoever listens that a key is needed", async () => {
    const listener = vi.fn();
    const stop = onUnauthorized(listener);
    answer(() => HttpResponse.json({ code: "unauthorized" }, { status: 401 }));

    await failure();
    stop();
    await failure();

    expect(listener).toHaveBeenCalledOnce();
  });
});

import createClient from "openapi-fetch";
import * as v from "valibot";
import { createEmitter } from "@/observable";
import type { components, paths } from "./schema.gen";

type Draft = components["schemas"]["Draft"];

/** A failed request: an error response, or no usable response (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /**
   * Seconds to wait before a retry, from `Retry-After`; null if the header is missing or not a
   * number.
   */
  readonly retryAfter: number | null;
  /** With `draft_conflict`, the stored draft. */
  readonly draft: Draft | null;

  constructor(
    status: number,
    code: string,
    detail: string,
    more: { retryAfter?: number | null; draft?: Draft | null } = {},
  ) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfter = more.retryAfter ?? null;
    this.draft = more.draft ?? null;
  }

  /** Whether the same request may succeed later. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Returns whether the server rejected the request, which means that a retry would also fail. */
export function isRejected(error: unknown): boolean {
  return error instanceof ApiError && !error.isTransient;
}

const problemSchema = v.object({
  code: v.optional(v.string()),
  detail: v.optional(v.nullable(v.string())),
  title: v.optional(v.string()),
  draft: v.optional(v.object({ text: v.string(), revision: v.number() })),
});

const unauthorized = createEmitter();

/** Calls `listener` after each 401 response. */
export const onUnauthorized = unauthorized.subscribe;

/** How long to wait for the response headers. */
const HEADERS_TIMEOUT_MS = 30_000;
/** How long an entire request may take, including the response body. */
const REQUEST_TIMEOUT_MS = 120_000;

/** Sends a request that fails if either timeout expires. */
async function fetchWithTimeout(request: Request): Promise<Response> {
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new Error("The server did not respond.")),
    HEADERS_TIMEOUT_MS,
  );
  try {
    const signals = [request.signal, timeout.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)];
    return await fetch(request, { signal: AbortSignal.any(signals) });
  } finally {
    clearTimeout(timer);
  }
}

export const client = createClient<paths>({
  baseUrl: window.location.origin,
  fetch: fetchWithTimeout,
});

async function reject(response: Response): Promise<never> {
  if (response.status === 401) unauthorized.emit();
  const body: unknown = await response.json().catch(() => null);
  const problem = v.safeParse(problemSchema, body);
  const fields = problem.success ? problem.output : {};
  const seconds = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  throw new ApiError(
    response.status,
    fields.code ?? `http_${response.status}`,
    fields.detail ?? fields.title ?? response.statusText,
    { retryAfter: Number.isNaN(seconds) ? null : seconds, draft: fields.draft ?? null },
  );
}

client.use({
  async onResponse({ response }) {
    if (!response.ok) await reject(response);
    return undefined;
  },
  onError({ error }) {
    if (error instanceof ApiError) return error;
    return new ApiError(0, "network", error instanceof Error ? error.message : String(error));
  },
});

/** Returns the body of a successful response. Otherwise, rejects with an `ApiError`. */
export async function body<T>(call: Promise<{ data?: T }>): Promise<T> {
  const { data } = await call;
  if (data === undefined) throw new ApiError(0, "empty_body", "The response had no body.");
  return data;
}

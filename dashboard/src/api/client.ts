import createClient from "openapi-fetch";
import * as v from "valibot";
import { createEmitter } from "@/observable";
import type { paths } from "./schema.gen";

/** A refusal by the api (RFC 9457), or the network's failure to reach it (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** Seconds to wait before trying again, where the server named them. */
  readonly retryAfter: number | null;

  constructor(status: number, code: string, detail: string, retryAfter: number | null = null) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** Whether the very same request may work later, with nothing changed by the user. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Whether the server rejected the request, so that the same one will be rejected again. */
export function isRejected(error: unknown): boolean {
  return error instanceof ApiError && !error.isTransient;
}

const problemSchema = v.object({
  code: v.optional(v.string()),
  detail: v.optional(v.nullable(v.string())),
  title: v.optional(v.string()),
});

const unauthorized = createEmitter();

/** Calls `listener` whenever a request is answered 401. */
export const onUnauthorized = unauthorized.subscribe;

/** A server that has not begun to answer by then is not there. */
const ANSWER_MS = 30_000;
/** A long answer may take its time, but not for ever. */
const WHOLE_MS = 120_000;

/** A network that swallows a request must not hold what waits for it. */
async function fetchInTime(request: Request): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error("The server does not answer.")), ANSWER_MS);
  try {
    const signal = AbortSignal.any([request.signal, late.signal, AbortSignal.timeout(WHOLE_MS)]);
    return await fetch(request, { signal });
  } finally {
    clearTimeout(timer);
  }
}

export const client = createClient<paths>({ baseUrl: window.location.origin, fetch: fetchInTime });

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
    Number.isNaN(seconds) ? null : seconds,
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

/** The body of a successful call; failures were thrown as `ApiError` before. */
export async function body<T>(call: Promise<{ data?: T }>): Promise<T> {
  const { data } = await call;
  if (data === undefined) throw new ApiError(0, "empty_body", "The answer had no body.");
  return data;
}

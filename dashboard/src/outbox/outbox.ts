/**
 * Keeps every message that the user has sent until the server has accepted it.
 *
 * Guarantees: a message is stored on the device before the first attempt and removed only after a 2xx
 * response or by the user; all attempts use the same Idempotency-Key, so it is posted once; the
 * messages of a session are sent in the order in which they were written; a message is shown and sent
 * only while its author is signed in.
 */
import { ApiError } from "@/api/client";
import { newId } from "@/identifier";
import { createEmitter } from "@/observable";

export interface OutgoingMessage {
  /** The Idempotency-Key, which also identifies the message in the outbox. */
  readonly key: string;
  /** The account of its author. */
  readonly owner: string;
  /** Null for the first message of a new session with `agentKey`, until the session is created. */
  readonly sessionId: string | null;
  readonly agentKey?: string;
  readonly content: string;
  /** Milliseconds since the Unix epoch, by the device's clock. */
  readonly createdAt: number;
  /** The session's `last_seq` when it was written. The accepted message has a higher `seq`. */
  readonly baseline: number;
  /** `waiting`: will be retried automatically. `failed`: retried only by the user. */
  readonly state: "sending" | "waiting" | "failed";
  readonly reason: { code: string; detail: string } | null;
}

export interface OutboxStorage {
  /** Returns the messages of an account. */
  load(owner: string): Promise<OutgoingMessage[]>;
  put(item: OutgoingMessage): Promise<void>;
  remove(key: string): Promise<void>;
  /** Calls `listener` with the key of each message that another tab removes. */
  onRemoved?(listener: (key: string) => void): void;
}

/** A message for a session, or the first message of a new session with an agent. */
type NewText = Pick<OutgoingMessage, "content" | "baseline"> &
  ({ sessionId: string } | { sessionId: null; agentKey: string });

interface Options {
  storage: OutboxStorage;
  /** Creates the session for its first message and returns the id. Rejects with an `ApiError`. */
  begin: (item: OutgoingMessage, signal: AbortSignal) => Promise<string>;
  /** Posts the message and adds the response to the store. Rejects with an `ApiError`. */
  send: (item: OutgoingMessage, signal: AbortSignal) => Promise<void>;
  /** Returns how long to wait after the n-th consecutive failure (n ≥ 1). */
  delayMs?: (failures: number) => number;
}

export interface Outbox {
  getItems(): readonly OutgoingMessage[];
  subscribe(listener: () => void): () => void;
  /** Switches to an account: loads its stored messages and sends them. */
  open(owner: string): Promise<void>;
  /** Stops sending until the next `open`. The messages stay on the device. */
  close(): void;
  /** Adds a message. Resolves once it is stored, so that a reload does not lose it. */
  add(text: NewText): Promise<void>;
  retry(key: string): void;
  /** Retries all waiting messages immediately, for use after a reconnect. */
  wake(): void;
  /** Calls `listener` with the id of each session created for a message. */
  onBegun(listener: (sessionId: string) => void): () => void;
  discard(key: string): Promise<void>;
  /** Discards the messages of a deleted session. */
  discardSession(sessionId: string): void;
  /** Removes all messages of the account from the device. */
  clear(): Promise<void>;
}

/** How long to wait for the storage before sending anyway. */
const STORE_MS = 1000;
/** After a reconnect, attempts that started at least this long ago are aborted and retried. */
const HUNG_MS = 5000;

const backoffMs = (failures: number) =>
  Math.min(30_000, 1000 * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);

/** Error codes after which the message is dropped: it was posted and then removed. */
const SETTLED_CODES = new Set(["message_gone"]);

/** Returns the key of the queue of a message: messages of one session are sent one after another. */
const laneOf = (item: OutgoingMessage) => item.sessionId ?? item.key;

const isNext = (lane: string) => (item: OutgoingMessage) =>
  laneOf(item) === lane && item.state !== "failed";

export function createOutbox({ storage, begin, send, delayMs = backoffMs }: Options): Outbox {
  let owner: string | null = null;
  let items: readonly OutgoingMessage[] = [];
  const changes = createEmitter();
  const begun = createEmitter<string>();
  /** The attempts in progress, by queue. */
  const busy = new Map<string, { end: AbortController; since: number }>();
  const failures = new Map<string, number>();
  const timers = new Map<string, ReturnType<typeof setTimeout>>();

  function set(next: readonly OutgoingMessage[]) {
    items = next;
    changes.emit();
  }

  function change(key: string, over: Partial<OutgoingMessage>) {
    set(items.map((item) => (item.key === key ? { ...item, ...over } : item)));
    const item = items.find((one) => one.key === key);
    if (item) void storage.put(item).catch(() => {});
  }

  async function remove(key: string) {
    failures.delete(key);
    set(items.filter((item) => item.key !== key));
    await storage.remove(key).catch(() => {});
  }

  function forget() {
    for (const timer of timers.values()) clearTimeout(timer);
    timers.clear();
    failures.clear();
    set([]);
  }

  /** Sends the messages of a queue one after another, until one must wait. */
  async function pump(lane: string): Promise<void> {
    if (busy.has(lane)) return;
    clearTimeout(timers.get(lane));
    timers.delete(lane);
    try {
      for (;;) {
        const next = items.find(isNext(lane));
        if (!next) return;
        if (next.state !== "sending") change(next.key, { state: "sending", reason: null });
        const end = new AbortController();
        busy.set(lane, { end, since: Date.now() });
        if (!(await attempt(next, end.signal))) return;
      }
    } finally {
      busy.delete(lane);
    }
  }

  /** Creates the session and moves the message to the session's queue. */
  async function beginChat(item: OutgoingMessage, signal: AbortSignal): Promise<void> {
    const sessionId = await begin(item, signal);
    if (item.owner !== owner) return;
    change(item.key, { sessionId });
    begun.emit(sessionId);
    void pump(sessionId);
  }

  /** Tries to send a message. Returns whether the next one may be sent. */
  async function attempt(item: OutgoingMessage, signal: AbortSignal): Promise<boolean> {
    try {
      if (item.sessionId === null) {
        await beginChat(item, signal);
        return true;
      }
      await send(item, signal);
      await remove(item.key);
      return true;
    } catch (error) {
      const problem = error instanceof ApiError ? error : new ApiError(0, "network", String(error));
      if (SETTLED_CODES.has(problem.code)) {
        await remove(item.key);
        return true;
      }
      // The outbox was closed in the meantime: leave the stored message as it is.
      if (item.owner !== owner) return false;
      const reason = { code: problem.code, detail: problem.message };
      // Signed out: no attempt can succeed before this account signs in again.
      if (problem.status === 401) {
        change(item.key, { state: "waiting", reason });
        return false;
      }
      if (!problem.isTransient) {
        change(item.key, { state: "failed", reason });
        return true;
      }
      const count = (failures.get(item.key) ?? 0) + 1;
      failures.set(item.key, count);
      change(item.key, { state: "waiting", reason });
      const wait = Math.max(delayMs(count), (problem.retryAfter ?? 0) * 1000);
      const lane = laneOf(item);
      timers.set(
        lane,
        setTimeout(() => void pump(lane), wait),
      );
      return false;
    }
  }

  storage.onRemoved?.((key) => {
    // A message that is being sent here as well gets the same response.
    if (items.some((item) => item.key === key && item.state !== "sending"))
      set(items.filter((item) => item.key !== key));
  });

  return {
    getItems: () => items,
    subscribe: changes.subscribe,
    async open(next) {
      if (next !== owner) forget();
      owner = next;
      const stored = await storage.load(next).catch(() => []);
      if (owner !== next) return;
      const known = new Set(items.map((item) => item.key));
      const fresh = stored
        .filter((item) => !known.has(item.key))
        .map((item) => (item.state === "failed" ? item : { ...item, state: "waiting" as const }));
      set([...fresh, ...items].sort((a, b) => a.createdAt - b.createdAt));
      for (const lane of new Set(fresh.map(laneOf))) void pump(lane);
    },
    close() {
      forget();
      owner = null;
    },
    async add(text) {
      if (owner === null) throw new Error("No account is signed in.");
      const createdAt = Math.max(Date.now(), (items.at(-1)?.createdAt ?? 0) + 1);
      const made = { key: newId(), owner, createdAt, state: "sending", reason: null } as const;
      const item: OutgoingMessage = { ...text, ...made };
      set([...items, item]);
      await Promise.race([
        storage.put(item).catch(() => {}),
        new Promise((resolve) => setTimeout(resolve, STORE_MS)),
      ]);
      void pump(laneOf(item));
    },
    retry(key) {
      const item = items.find((one) => one.key === key);
      if (!item) return;
      change(key, { state: "waiting" });
      void pump(laneOf(item));
    },
    wake() {
      failures.clear();
      for (const { end, since } of busy.values()) if (Date.now() - since > HUNG_MS) end.abort();
      const waiting = items.filter((item) => item.state === "waiting");
      for (const lane of new Set(waiting.map(laneOf))) void pump(lane);
    },
    onBegun: begun.subscribe,
    discard: remove,
    discardSession(sessionId) {
      for (const item of items) if (item.sessionId === sessionId) void remove(item.key);
    },
    async clear() {
      await Promise.all(items.map((item) => remove(item.key)));
    },
  };
}

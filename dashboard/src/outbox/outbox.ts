/**
 * Keeps every text that the user sent until the server has it.
 *
 * Guarantees: a text is stored on the device before the first try, and removed only by the
 * server's 2xx or by the user; every try uses the same Idempotency-Key, so that it arrives once;
 * texts of one session leave in the order they were written; a text is shown and sent only while
 * the user who wrote it is signed in.
 */
import { ApiError } from "@/api/client";
import { newId } from "@/identifier";
import { createEmitter } from "@/observable";

export interface OutgoingMessage {
  /** The Idempotency-Key, made at the first try. */
  readonly key: string;
  /** The user who wrote it. */
  readonly owner: string;
  /** Null while the chat that it begins has not been made; `agentKey` says with whom. */
  readonly sessionId: string | null;
  readonly agentKey?: string;
  readonly content: string;
  /** Milliseconds since 1970, by this device. */
  readonly createdAt: number;
  /** The session's `last_seq` when it was written; an arrival is later than that. */
  readonly baseline: number;
  /** `waiting` will be tried again by itself; `failed` only when the user says so. */
  readonly state: "sending" | "waiting" | "failed";
  readonly reason: { code: string; detail: string } | null;
}

export interface OutboxStorage {
  /** The texts of one user. */
  load(owner: string): Promise<OutgoingMessage[]>;
  put(item: OutgoingMessage): Promise<void>;
  remove(key: string): Promise<void>;
  /** Calls `listener` with the key of each text that another tab has removed. */
  onRemoved?(listener: (key: string) => void): void;
}

/** A text for a chat, or one that begins a chat with an agent. */
type NewText = Pick<OutgoingMessage, "content" | "baseline"> &
  ({ sessionId: string } | { sessionId: null; agentKey: string });

interface Options {
  storage: OutboxStorage;
  /** Makes the chat that the text begins; its id. Rejects with an `ApiError`. */
  begin: (item: OutgoingMessage, signal: AbortSignal) => Promise<string>;
  /** Sends it and shows the result; rejects with an `ApiError`. */
  send: (item: OutgoingMessage, signal: AbortSignal) => Promise<void>;
  /** How long to wait before the n-th try again (n ≥ 1). */
  delayMs?: (failures: number) => number;
}

export interface Outbox {
  getItems(): readonly OutgoingMessage[];
  subscribe(listener: () => void): () => void;
  /** Works for this user from now on: reads what an earlier visit left behind and sends it. */
  open(owner: string): Promise<void>;
  /** Works for nobody until the next `open`. What is there stays on the device. */
  close(): void;
  /** Resolves once the device has the text, so that a reload cannot lose it any more. */
  add(text: NewText): Promise<void>;
  retry(key: string): void;
  /** Tries everything that waits at once: the network is back. */
  wake(): void;
  /** Calls `listener` with the id of each chat that a text has begun. */
  onBegun(listener: (sessionId: string) => void): () => void;
  discard(key: string): Promise<void>;
  /** For a session that the user has deleted. */
  discardSession(sessionId: string): void;
  /** Removes all of this user's texts from the device. */
  clear(): Promise<void>;
}

/** A device that does not store a text by then does not hold it back. */
const STORE_MS = 1000;
/** A try that has lasted so long when the network comes back was swallowed by the old one. */
const HUNG_MS = 5000;

const backoffMs = (failures: number) =>
  Math.min(30_000, 1000 * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);

/** Answers that say the text is of no use any more: the message was sent and then removed. */
const SETTLED_CODES = new Set(["message_gone"]);

/** Texts that leave one after another: those of a chat, or the one that begins a chat. */
const laneOf = (item: OutgoingMessage) => item.sessionId ?? item.key;

const isNext = (lane: string) => (item: OutgoingMessage) =>
  laneOf(item) === lane && item.state !== "failed";

export function createOutbox({ storage, begin, send, delayMs = backoffMs }: Options): Outbox {
  let owner: string | null = null;
  let items: readonly OutgoingMessage[] = [];
  const changes = createEmitter();
  const begun = createEmitter<string>();
  /** The tries under way, by lane. */
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

  /** Sends a lane's texts one after another, until one has to wait. */
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

  /** Makes the chat, to which the text then belongs: it goes on in that chat's lane. */
  async function beginChat(item: OutgoingMessage, signal: AbortSignal): Promise<void> {
    const sessionId = await begin(item, signal);
    if (item.owner !== owner) return;
    change(item.key, { sessionId });
    begun.emit(sessionId);
    void pump(sessionId);
  }

  /** Whether the next text may go. */
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
      // Closed meanwhile: it stays on the device as it is.
      if (item.owner !== owner) return false;
      const reason = { code: problem.code, detail: problem.message };
      // Nobody is signed in: it waits for this user's return, and no try before that can work.
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
    // One that is on its way here as well comes back with the same answer.
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
      if (owner === null) throw new Error("Nobody is signed in.");
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

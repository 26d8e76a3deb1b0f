/**
 * Keeps each message that the user has sent until the server has accepted it.
 *
 * Guarantees:
 * - A message is stored on the device before the first attempt, unless storing it fails or takes
 *   more than a second.
 * - A message is removed only by the user or once the server has accepted it.
 * - All attempts use the same Idempotency-Key, so the message is posted at most once.
 * - The messages of a session are sent in the order in which they were written, except that failed
 *   ones are skipped.
 * - A message is shown and sent only while its author is signed in.
 */
import { ApiError } from "@/api/client";
import { type Attachment, attachmentsOf } from "@/api/models";
import type { WaitingFile } from "@/attachments/attachment";
import { newId } from "@/identifier";
import { createEmitter, createObservable, type ReadonlyObservable } from "@/observable";
import type { NewMessage, OutboxStorage, OutgoingMessage } from "./outgoing-message";

interface Options {
  storage: OutboxStorage;
  /**
   * Creates the session for its first message and resolves with the session's ID. Rejects with an
   * `ApiError` on failure.
   */
  createSession: (message: OutgoingMessage, signal: AbortSignal) => Promise<string>;
  /**
   * Posts the message and adds the response to the store. Rejects with an `ApiError` on failure.
   */
  send: (message: OutgoingMessage, signal: AbortSignal) => Promise<void>;
  /** Uploads a file of a message. Rejects with an `ApiError` on failure. */
  uploadFile?: (file: WaitingFile, signal: AbortSignal) => Promise<Attachment>;
  /** Removes files from the device that are uploaded or no longer needed. */
  releaseFiles?: (keys: readonly string[]) => Promise<void>;
  /** Returns how long to wait after `failures` (≥ 1) consecutive failures. */
  delayMs?: (failures: number) => number;
}

export interface Outbox {
  /** The messages of the current account, in order. */
  readonly messages: ReadonlyObservable<readonly OutgoingMessage[]>;
  /** Switches to an account: loads its stored messages and sends all except failed ones. */
  open(account: string): Promise<void>;
  /** Stops sending until the next `open`. The messages stay on the device. */
  close(): void;
  /**
   * Adds a message. Resolves once the message is stored, or if storing it fails or takes too long.
   */
  add(message: NewMessage): Promise<void>;
  retry(key: string): void;
  /**
   * Retries all waiting messages immediately, and aborts hanging attempts. Use it after a
   * reconnect.
   */
  retryWaiting(): void;
  /** Calls `listener` with the ID of each session created for a message. */
  onSessionCreated(listener: (sessionId: string) => void): () => void;
  /**
   * Discards a message, and removes its files from the device unless `keepsFiles` is true. Aborts
   * its upload.
   */
  discard(key: string, keepsFiles?: boolean): Promise<void>;
  /** Discards the messages of a deleted session. */
  discardSession(sessionId: string): void;
  /** Removes all messages of the account from the device. */
  clear(): Promise<void>;
}

/** How long to wait for the storage before sending a message anyway. */
const STORE_TIMEOUT_MS = 1000;
/** After a reconnect, attempts older than this are aborted and retried. */
const HANGING_MS = 5000;

const backoffMs = (failures: number) =>
  Math.min(30_000, 1000 * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);

/** Error codes after which the message is dropped, because it was posted and then deleted. */
const SETTLED_CODES = new Set(["message_gone"]);

/** Returns the queue of a message. The messages in a queue are sent one after another. */
const queueOf = (message: OutgoingMessage) => message.sessionId ?? message.key;

export function createOutbox(options: Options): Outbox {
  const { storage, createSession, send, delayMs = backoffMs } = options;
  const { uploadFile, releaseFiles = async () => {} } = options;
  let account: string | null = null;
  const messages = createObservable<readonly OutgoingMessage[]>([]);
  const sessionCreated = createEmitter<string>();
  /** The attempts in progress, by queue. */
  const attempts = new Map<string, { abort: AbortController; startedAt: number }>();
  /** The number of consecutive failures, by message. */
  const failures = new Map<string, number>();
  /** The timer for the next attempt, by queue. */
  const timers = new Map<string, ReturnType<typeof setTimeout>>();

  const find = (key: string) => messages.get().find((message) => message.key === key);

  /** Changes a message. Resolves with whether the change was stored. */
  async function update(key: string, change: Partial<OutgoingMessage>): Promise<boolean> {
    messages.set(
      messages.get().map((message) => (message.key === key ? { ...message, ...change } : message)),
    );
    const message = find(key);
    return (
      message !== undefined &&
      storage.put(message).then(
        () => true,
        () => false,
      )
    );
  }

  function removeFromList(key: string) {
    messages.set(messages.get().filter((message) => message.key !== key));
  }

  async function remove(key: string, keepsFiles = false) {
    const files = find(key)?.waitingFiles ?? [];
    failures.delete(key);
    removeFromList(key);
    await storage.remove(key).catch(() => {});
    if (!keepsFiles) await releaseFiles(files.map((file) => file.key));
  }

  function reset() {
    for (const timer of timers.values()) clearTimeout(timer);
    timers.clear();
    failures.clear();
    messages.set([]);
  }

  /** Sends the messages in a queue one after another until one of them must wait. */
  async function drain(queue: string): Promise<void> {
    if (attempts.has(queue)) return;
    clearTimeout(timers.get(queue));
    timers.delete(queue);
    try {
      for (;;) {
        const next = messages
          .get()
          .find((message) => queueOf(message) === queue && message.state !== "failed");
        if (!next) return;
        if (next.state !== "sending") void update(next.key, { state: "sending", reason: null });
        const abort = new AbortController();
        attempts.set(queue, { abort, startedAt: Date.now() });
        if (!(await attempt(next, abort.signal))) return;
      }
    } finally {
      attempts.delete(queue);
    }
  }

  function drainAll(pending: readonly OutgoingMessage[]) {
    for (const queue of new Set(pending.map(queueOf))) void drain(queue);
  }

  /** Tries to send a message. Returns whether the next one may be sent. */
  async function attempt(message: OutgoingMessage, signal: AbortSignal): Promise<boolean> {
    try {
      if (message.sessionId === null) await startSession(message, signal);
      else {
        const complete = await uploadFiles(message, signal);
        if (complete === null) return true;
        await send(complete, signal);
        await remove(message.key);
      }
      return true;
    } catch (error) {
      return handleFailure(message, error);
    }
  }

  /**
   * Uploads the files that are kept on the device. Returns the message with them, or null if the user
   * has discarded it in the meantime.
   */
  async function uploadFiles(
    message: OutgoingMessage,
    signal: AbortSignal,
  ): Promise<OutgoingMessage | null> {
    let current = message;
    for (const file of message.waitingFiles ?? []) {
      if (!uploadFile) throw new Error("Files cannot be uploaded.");
      const attachment = await uploadFile(file, signal);
      if (message.owner === account && !find(message.key)) return null;
      const change = {
        attachments: [...attachmentsOf(current), attachment],
        waitingFiles: (current.waitingFiles ?? []).filter(({ key }) => key !== file.key),
      };
      current = { ...current, ...change };
      if (await update(message.key, change)) await releaseFiles([file.key]);
    }
    return current;
  }

  /** Creates the session and moves the message to the session's queue. */
  async function startSession(message: OutgoingMessage, signal: AbortSignal): Promise<void> {
    const sessionId = await createSession(message, signal);
    if (message.owner !== account) return;
    void update(message.key, { sessionId });
    sessionCreated.emit(sessionId);
    void drain(sessionId);
  }

  /** Handles a failed attempt. Returns whether the next message may be sent. */
  async function handleFailure(message: OutgoingMessage, error: unknown): Promise<boolean> {
    const { key } = message;
    const problem = error instanceof ApiError ? error : new ApiError(0, "network", String(error));
    if (SETTLED_CODES.has(problem.code)) {
      await remove(key);
      return true;
    }
    // The outbox was closed or switched to another account in the meantime, so leave the stored
    // message unchanged.
    if (message.owner !== account) return false;
    const reason = { code: problem.code, detail: problem.message };
    // The user is signed out, so no attempt can succeed until they sign in again.
    if (problem.status === 401) {
      void update(key, { state: "waiting", reason });
      return false;
    }
    if (!problem.isTransient) {
      void update(key, { state: "failed", reason });
      return true;
    }
    const count = (failures.get(key) ?? 0) + 1;
    failures.set(key, count);
    void update(key, { state: "waiting", reason });
    const delay = Math.max(delayMs(count), (problem.retryAfter ?? 0) * 1000);
    const queue = queueOf(message);
    timers.set(
      queue,
      setTimeout(() => void drain(queue), delay),
    );
    return false;
  }

  storage.onRemoved?.((key) => {
    // If this tab is sending the message, the response decides whether to remove it.
    const message = find(key);
    if (message && message.state !== "sending") removeFromList(key);
  });

  return {
    messages,
    async open(next) {
      if (next !== account) reset();
      account = next;
      const stored = await storage.load(next).catch(() => []);
      if (account !== next) return;
      const loaded = stored
        .filter(({ key }) => !find(key))
        .map(
          (message): OutgoingMessage =>
            message.state === "failed" ? message : { ...message, state: "waiting" },
        );
      const all = [...loaded, ...messages.get()];
      messages.set(all.sort((a, b) => a.createdAt - b.createdAt));
      drainAll(loaded);
    },
    close() {
      reset();
      account = null;
    },
    async add(message) {
      if (account === null) throw new Error("No account is signed in.");
      const createdAt = Math.max(Date.now(), (messages.get().at(-1)?.createdAt ?? 0) + 1);
      const fields = { key: newId(), owner: account, createdAt, state: "sending" } as const;
      const added: OutgoingMessage = { ...message, ...fields, reason: null };
      messages.set([...messages.get(), added]);
      await Promise.race([
        storage.put(added).catch(() => {}),
        new Promise((resolve) => setTimeout(resolve, STORE_TIMEOUT_MS)),
      ]);
      void drain(queueOf(added));
    },
    retry(key) {
      const message = find(key);
      if (!message) return;
      void update(key, { state: "waiting" });
      void drain(queueOf(message));
    },
    retryWaiting() {
      failures.clear();
      for (const { abort, startedAt } of attempts.values())
        if (Date.now() - startedAt > HANGING_MS) abort.abort();
      drainAll(messages.get().filter(({ state }) => state === "waiting"));
    },
    onSessionCreated: sessionCreated.subscribe,
    async discard(key, keepsFiles) {
      const message = find(key);
      await remove(key, keepsFiles);
      if (message?.state === "sending" && message.waitingFiles?.length)
        attempts.get(queueOf(message))?.abort.abort();
    },
    discardSession(sessionId) {
      for (const message of messages.get())
        if (message.sessionId === sessionId) void remove(message.key);
    },
    async clear() {
      await Promise.all(messages.get().map(({ key }) => remove(key)));
    },
  };
}

/**
 * Synchronizes the drafts on this device with the server.
 *
 * Guarantees:
 * - The text on the device is never changed while it contains edits that the server does not have.
 * - A text is sent a while after the last edit, and until then at most once.
 * - If texts conflict, one is the draft, and the other is kept on this device.
 */
import { ApiError } from "@/api/client";
import type { components } from "@/api/schema.gen";
import { mergeDrafts } from "./merge";
import { hashText, type SyncRecord } from "./record";

export type Draft = components["schemas"]["Draft"];

/** The drafts on this device. */
export interface Device {
  read(key: string): string;
  isComposing(key: string): boolean;
  /**
   * Replaces a draft and keeps a conflicting text. Returns false, and changes nothing, if the draft
   * has changed in another tab.
   */
  adopt(key: string, text: string, conflicting: string | null): boolean;
  readRecord(key: string): SyncRecord;
  writeRecord(key: string, record: SyncRecord): void;
  /** Returns whether the user has sent the text, so that it need not be kept. */
  wasSent(key: string, text: string): boolean;
}

/** The drafts on the server. Both functions reject with an `ApiError` on failure. */
export interface DraftServer {
  get(key: string): Promise<Draft>;
  /** Stores a text based on a revision. A conflict is an error with the stored draft. */
  put(key: string, draft: Draft): Promise<Draft>;
}

/** Calls `run` after `ms` milliseconds. Returns a function that cancels the call. */
type Defer = (run: () => void, ms: number) => () => void;

export interface DraftSync {
  /** Handles an edit. A blank draft is sent immediately, because its text was sent or cleared. */
  edited(key: string): void;
  /** Handles the server's draft from an event. */
  received(key: string, draft: Draft): void;
  /** Sends the draft if it has been edited. Otherwise, fetches the server's draft. */
  synchronize(key: string): Promise<void>;
  /** Sends the drafts that have been edited without waiting any longer. */
  flush(): void;
  /** Stops sending drafts. */
  close(): void;
}

const SEND_DELAY_MS = 1000;
const RETRY_MS = 5000;
const MAX_RETRY_MS = 60_000;
/** The number of attempts to send a draft that other devices keep changing. */
const MAX_CONFLICTS = 5;
/** Responses of servers that do not have drafts, or to users who may not write them. */
const UNSUPPORTED: readonly number[] = [403, 404, 405, 501];

const later: Defer = (run, ms) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

export function createDraftSync(device: Device, server: DraftServer, defer = later): DraftSync {
  /** Functions that cancel the scheduled sending of drafts, by key. */
  const scheduled = new Map<string, () => void>();
  /** The drafts that are being sent. */
  const sending = new Set<string>();
  const failures = new Map<string, number>();
  const unsupported = new Set<string>();
  let isClosed = false;

  const isEdited = (key: string) => hashText(device.read(key)) !== device.readRecord(key).hash;

  function schedule(key: string, ms: number) {
    scheduled.get(key)?.();
    scheduled.set(
      key,
      defer(() => void send(key), ms),
    );
  }

  /** Merges the server's draft. `rejected` is the revision that the server has just rejected. */
  function merge(key: string, draft: Draft, rejected: number | null) {
    const record = device.readRecord(key);
    // The server's revision is lower after a backup was restored.
    if (draft.revision <= record.revision && record.revision !== rejected) return;
    const hash = hashText(draft.text);
    const isOwn = record.pending.includes(hash);
    const local = device.read(key);
    const next = { hash, revision: draft.revision, isOwn, pending: [] };
    if (!isOwn) {
      const isChanged = hash !== record.hash;
      const merged = isChanged
        ? mergeDrafts({
            local,
            remote: draft.text,
            isEdited: isEdited(key),
            isComposing: device.isComposing(key),
            isOwn: record.isOwn,
          })
        : { text: local, conflicting: null };
      const { text, conflicting } = merged;
      const kept = conflicting !== null && !device.wasSent(key, conflicting) ? conflicting : null;
      const isNews = text !== local || kept !== null;
      // Another tab knows a newer text, and merges it.
      if (isNews && !device.adopt(key, text, kept)) return;
    }
    device.writeRecord(key, next);
    if (isEdited(key) && !sending.has(key)) schedule(key, SEND_DELAY_MS);
  }

  async function attempt(key: string): Promise<void> {
    for (let conflicts = 0; conflicts < MAX_CONFLICTS && isEdited(key); conflicts += 1) {
      const text = device.read(key);
      const hash = hashText(text);
      const record = device.readRecord(key);
      const { revision } = record;
      const pending = [...record.pending.filter((other) => other !== hash), hash];
      device.writeRecord(key, { ...record, pending });
      try {
        const stored = await server.put(key, { text, revision });
        if (!isClosed) merge(key, stored, null);
        return;
      } catch (error) {
        const conflict = error instanceof ApiError ? error.draft : null;
        if (isClosed) return;
        if (!conflict) throw error;
        merge(key, conflict, revision);
      }
    }
  }

  async function send(key: string): Promise<void> {
    scheduled.get(key)?.();
    scheduled.delete(key);
    if (sending.has(key) || unsupported.has(key) || isClosed) return;
    sending.add(key);
    try {
      await attempt(key);
      failures.delete(key);
      sending.delete(key);
      if (isEdited(key) && !isClosed) schedule(key, SEND_DELAY_MS);
    } catch (error) {
      sending.delete(key);
      handleFailure(key, error);
    }
  }

  /** Tries again later, unless the server rejects drafts or this text. */
  function handleFailure(key: string, error: unknown) {
    if (isClosed) return;
    if (error instanceof ApiError && !error.isTransient) {
      if (UNSUPPORTED.includes(error.status)) unsupported.add(key);
      return;
    }
    const count = failures.get(key) ?? 0;
    failures.set(key, count + 1);
    schedule(key, Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** count));
  }

  return {
    edited(key) {
      if (unsupported.has(key) || isClosed) return;
      schedule(key, device.read(key) === "" ? 0 : SEND_DELAY_MS);
    },
    received(key, draft) {
      if (!isClosed) merge(key, draft, null);
    },
    async synchronize(key) {
      if (unsupported.has(key) || isClosed) return;
      if (isEdited(key)) return send(key);
      try {
        const draft = await server.get(key);
        if (!isClosed) merge(key, draft, null);
      } catch (error) {
        // After a failure, the next connection synchronizes again.
        if (error instanceof ApiError && UNSUPPORTED.includes(error.status)) unsupported.add(key);
      }
    },
    flush() {
      for (const key of [...scheduled.keys()]) void send(key);
    },
    close() {
      isClosed = true;
      for (const cancel of scheduled.values()) cancel();
      scheduled.clear();
    },
  };
}

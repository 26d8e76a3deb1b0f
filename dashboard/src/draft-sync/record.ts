/** What the device knows about the server's draft of a session. All tabs share it. */
import * as v from "valibot";

const PREFIX = "banter.draft-sync.";

const schema = v.object({
  /** The hash of the text that was last synchronized. */
  hash: v.string(),
  /** The server's revision of that text. */
  revision: v.number(),
  /** Whether this device wrote that text. */
  isOwn: v.boolean(),
  /** The hashes of texts that were sent as the next revision and may have been stored. */
  pending: v.array(v.string()),
});

export type SyncRecord = Readonly<v.InferOutput<typeof schema>>;

/**
 * Returns a hash of a text, with its length. It identifies a text without storing it again
 * (cyrb53, 53 bits).
 */
export function hashText(text: string): string {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  const value = 4294967296 * (2097151 & low) + (high >>> 0);
  return `${text.length}-${value.toString(36)}`;
}

const BLANK = hashText("");

export const noRecord: SyncRecord = { hash: BLANK, revision: 0, isOwn: false, pending: [] };

/** The records known to this tab, by draft ID. Storage may be disabled, and omits blank drafts. */
const known = new Map<string, SyncRecord>();

/** Returns the record of a draft. Another tab may have stored a newer one. */
export function readRecord(id: string): SyncRecord {
  const own = known.get(id) ?? noRecord;
  try {
    const stored = v.safeParse(schema, JSON.parse(localStorage.getItem(PREFIX + id) ?? "null"));
    return stored.success && stored.output.revision >= own.revision ? stored.output : own;
  } catch {
    // Storage is disabled or its content is malformed.
    return own;
  }
}

export function writeRecord(id: string, record: SyncRecord): void {
  known.set(id, record);
  try {
    const isNeeded = record.hash !== BLANK || record.pending.length > 0;
    if (isNeeded) localStorage.setItem(PREFIX + id, JSON.stringify(record));
    else localStorage.removeItem(PREFIX + id);
  } catch {
    // Storage is disabled or full.
  }
}

/** Returns the IDs that begin with `prefix` of the drafts that have a record in storage. */
export function listRecords(prefix: string): readonly string[] {
  try {
    return Object.keys(localStorage)
      .filter((name) => name.startsWith(PREFIX + prefix))
      .map((name) => name.slice(PREFIX.length));
  } catch {
    return [];
  }
}

/** Removes the records of drafts whose IDs begin with `prefix`. */
export function clearSyncRecords(prefix: string): void {
  for (const id of listRecords(prefix)) localStorage.removeItem(PREFIX + id);
  for (const id of [...known.keys()]) if (id.startsWith(prefix)) known.delete(id);
}

/**
 * Keeps files in IndexedDB until they can be uploaded. Each file belongs to an account. A file is
 * removed once it is uploaded, or when the user removes it.
 */
import type { DBSchema } from "idb";
import { ApiError } from "@/api/client";
import { createDatabase } from "@/database";

interface Schema extends DBSchema {
  files: { key: string; value: StoredFile; indexes: { owner: string } };
}

interface StoredFile {
  /** The Idempotency-Key of the upload. */
  readonly key: string;
  readonly owner: string;
  readonly file: File;
}

/** The maximum size of all files that an account keeps on the device, in bytes. */
export const MAX_STORED_BYTES = 50_000_000;

const VERSION = 1;

const ready = createDatabase<Schema>("banter-files", VERSION, (database) => {
  database.createObjectStore("files", { keyPath: "key" }).createIndex("owner", "owner");
});

/**
 * Stores a file. Rejects with an `ApiError` with the code `device_limit` if the account keeps too
 * many bytes, or `device_full` if the browser has no space for the file.
 */
export async function storeFile(owner: string, key: string, file: File): Promise<void> {
  const change = (await ready()).transaction("files", "readwrite");
  const known = await change.store.index("owner").getAll(owner);
  const others = known.filter((stored) => stored.key !== key);
  const bytes = others.reduce((sum, stored) => sum + stored.file.size, file.size);
  if (bytes > MAX_STORED_BYTES) throw new ApiError(0, "device_limit", "");
  try {
    await Promise.all([change.store.put({ key, owner, file }), change.done]);
  } catch (error) {
    const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
    throw isFull ? new ApiError(0, "device_full", "") : error;
  }
}

/** Returns a stored file, or undefined if it is no longer on the device. */
export async function readFile(key: string): Promise<File | undefined> {
  return (await (await ready()).get("files", key))?.file;
}

/** Removes files, if they are stored. */
export async function removeFiles(keys: readonly string[]): Promise<void> {
  const change = (await ready()).transaction("files", "readwrite");
  for (const key of keys) void change.store.delete(key);
  await change.done;
}

/** Removes all files of an account. */
export async function clearStoredFiles(owner: string): Promise<void> {
  const change = (await ready()).transaction("files", "readwrite");
  for (const key of await change.store.index("owner").getAllKeys(owner))
    void change.store.delete(key);
  await change.done;
}

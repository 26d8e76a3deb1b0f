/** Stores the copies in IndexedDB. A copy is stored and read only for its own account. */
import type { DBSchema } from "idb";
import { createDatabase } from "@/database";
import type { ListCopy, ThreadCopy } from "./copy";
import { copyAccount } from "./copy-account";

interface Schema extends DBSchema {
  lists: { key: string; value: ListCopy };
  threads: {
    key: [account: string, sessionId: string];
    value: ThreadCopy;
    indexes: { used: [account: string, usedAt: number] };
  };
}

const NAME = "banter-offline";
/** The schema version. Increase it if older copies cannot be shown. They are removed. */
const VERSION = 1;
/** The number of threads that are kept for an account. */
const MAX_THREADS = 20;

const ready = createDatabase<Schema>(NAME, VERSION, (database) => {
  for (const name of [...database.objectStoreNames]) database.deleteObjectStore(name);
  database.createObjectStore("lists", { keyPath: "account" });
  const threads = database.createObjectStore("threads", { keyPath: ["account", "sessionId"] });
  threads.createIndex("used", ["account", "usedAt"]);
});

/** Reads the copy of an account's list. */
export async function readList(account: string): Promise<ListCopy | undefined> {
  return (await ready()).get("lists", account);
}

export async function readThread(
  account: string,
  sessionId: string,
): Promise<ThreadCopy | undefined> {
  return (await ready()).get("threads", [account, sessionId]);
}

/**
 * Stores copies and removes the threads of deleted sessions. Does nothing if the account has been
 * signed out in the meantime.
 */
export async function writeCopies(
  account: string,
  copies: { list: ListCopy | null; threads: readonly ThreadCopy[]; deleted: readonly string[] },
): Promise<void> {
  const opened = await ready();
  if (copyAccount() !== account) return;
  const change = opened.transaction(["lists", "threads"], "readwrite");
  const threads = change.objectStore("threads");
  if (copies.list) void change.objectStore("lists").put(copies.list);
  for (const thread of copies.threads) void threads.put(thread);
  for (const sessionId of copies.deleted) void threads.delete([account, sessionId]);
  const used = await threads
    .index("used")
    .getAllKeys(IDBKeyRange.bound([account, 0], [account, Number.POSITIVE_INFINITY]));
  for (const key of used.slice(0, Math.max(0, used.length - MAX_THREADS))) void threads.delete(key);
  await change.done;
}

/** Removes the copies of all accounts except `kept`. */
export async function removeCopies(kept: string | null): Promise<void> {
  const change = (await ready()).transaction(["lists", "threads"], "readwrite");
  for (const key of await change.objectStore("lists").getAllKeys())
    if (key !== kept) void change.objectStore("lists").delete(key);
  for (const key of await change.objectStore("threads").getAllKeys())
    if (key[0] !== kept) void change.objectStore("threads").delete(key);
  await change.done;
}

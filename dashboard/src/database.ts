/** Opens a database of the page, and opens it again after the browser or a newer page closed it. */
import type { DBSchema, IDBPDatabase, OpenDBCallbacks } from "idb";

/** Returns a function that returns the open database. If opening it fails, the next call tries again. */
export function createDatabase<Schema extends DBSchema>(
  name: string,
  version: number,
  upgrade: NonNullable<OpenDBCallbacks<Schema>["upgrade"]>,
): () => Promise<IDBPDatabase<Schema>> {
  let database: Promise<IDBPDatabase<Schema>> | null = null;
  const forget = () => {
    database = null;
  };
  async function open(): Promise<IDBPDatabase<Schema>> {
    const { openDB } = await import("idb");
    return openDB<Schema>(name, version, {
      upgrade,
      // Another tab with a newer version of the page waits for this connection to close.
      blocking: (_current, _blocked, { target }) => {
        if (target instanceof IDBDatabase) target.close();
        forget();
      },
      terminated: forget,
    });
  }
  return () => {
    database ??= open().catch((error: unknown) => {
      forget();
      throw error;
    });
    return database;
  };
}

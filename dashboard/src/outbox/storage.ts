/** The outbox on the device: IndexedDB, or memory where the browser forbids it. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { OutboxStorage, Outgoing } from "./outbox";

interface Schema extends DBSchema {
  outgoing: { key: string; value: Outgoing };
}

function open(): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>("banter", 1, {
    upgrade(database) {
      database.createObjectStore("outgoing", { keyPath: "key" });
    },
  });
}

export function createDeviceStorage(): OutboxStorage {
  let database: Promise<IDBPDatabase<Schema>> | null = null;
  const ready = () => {
    database ??= open();
    return database;
  };
  return {
    load: async () => (await ready()).getAll("outgoing"),
    put: async (item) => {
      await (await ready()).put("outgoing", item);
    },
    remove: async (key) => (await ready()).delete("outgoing", key),
  };
}

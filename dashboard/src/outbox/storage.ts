/** The outbox on the device: IndexedDB, or memory where the browser forbids it. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { OutboxStorage, Outgoing } from "./outbox";

interface Schema extends DBSchema {
  outgoing: { key: string; value: Outgoing; indexes: { owner: string } };
}

/** 2: texts have an owner. */
const VERSION = 2;

function open(): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>("banter", VERSION, {
    upgrade(database, oldVersion, _newVersion, transaction) {
      const store =
        oldVersion === 0
          ? database.createObjectStore("outgoing", { keyPath: "key" })
          : transaction.objectStore("outgoing");
      store.createIndex("owner", "owner");
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
    load: async (owner) => (await ready()).getAllFromIndex("outgoing", "owner", owner),
    put: async (item) => {
      await (await ready()).put("outgoing", item);
    },
    remove: async (key) => (await ready()).delete("outgoing", key),
  };
}

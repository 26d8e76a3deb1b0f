/** The outbox on the device: IndexedDB, or memory where the browser forbids it. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { OutboxStorage, OutgoingMessage } from "./outbox";

interface Schema extends DBSchema {
  outgoing: { key: string; value: OutgoingMessage; indexes: { owner: string } };
}

/** 2: texts have an owner. */
const VERSION = 2;

/** Where the tabs tell each other what they have removed. */
const CHANNEL = "banter-outbox";

function open(onClosed: () => void): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>("banter", VERSION, {
    upgrade(database, oldVersion, _newVersion, transaction) {
      const store =
        oldVersion === 0
          ? database.createObjectStore("outgoing", { keyPath: "key" })
          : transaction.objectStore("outgoing");
      store.createIndex("owner", "owner");
    },
    // A newer page in another tab waits for this one to let go.
    blocking: (_current, _blocked, { target }) => {
      if (target instanceof IDBDatabase) target.close();
      onClosed();
    },
    terminated: onClosed,
  });
}

export function createDeviceStorage(): OutboxStorage {
  let database: Promise<IDBPDatabase<Schema>> | null = null;
  const forget = () => {
    database = null;
  };
  const ready = () => {
    database ??= open(forget).catch((error: unknown) => {
      forget();
      throw error;
    });
    return database;
  };
  const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);
  return {
    load: async (owner) => (await ready()).getAllFromIndex("outgoing", "owner", owner),
    put: async (item) => {
      await (await ready()).put("outgoing", item);
    },
    remove: async (key) => {
      channel?.postMessage(key);
      await (await ready()).delete("outgoing", key);
    },
    onRemoved(listener) {
      channel?.addEventListener("message", ({ data }: MessageEvent<string>) => listener(data));
    },
  };
}

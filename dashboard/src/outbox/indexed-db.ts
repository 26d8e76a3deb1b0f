/** Stores the outbox in IndexedDB, and notifies other tabs when messages are removed. */
import type { DBSchema } from "idb";
import { createDatabase } from "@/database";
import type { OutboxStorage, OutgoingMessage } from "./outgoing-message";

interface Schema extends DBSchema {
  outgoing: { key: string; value: OutgoingMessage; indexes: { owner: string } };
}

/** The schema version. Version 2 added each message's owner. */
const VERSION = 2;

/** The name of the BroadcastChannel on which the keys of removed messages are sent. */
const CHANNEL = "banter-outbox";

export function createIndexedDbStorage(): OutboxStorage {
  const ready = createDatabase<Schema>(
    "banter",
    VERSION,
    (database, oldVersion, _newVersion, transaction) => {
      const store =
        oldVersion === 0
          ? database.createObjectStore("outgoing", { keyPath: "key" })
          : transaction.objectStore("outgoing");
      store.createIndex("owner", "owner");
    },
  );
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

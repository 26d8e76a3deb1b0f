/** An outbox and in-memory storage, for tests. */
import { ApiError } from "@/api/client";
import { createOutbox } from "./outbox";
import type { OutgoingMessage } from "./outgoing-message";

export const text = { sessionId: "s", content: "hello", baseline: 0 };
export const offline = new ApiError(0, "network", "Failed to fetch");

export const ann = "default/ann";
export const bob = "default/bob";

type Options = Parameters<typeof createOutbox>[0];

/** Opens an outbox for Ann's account. */
export async function openOutbox(options: Omit<Options, "createSession"> & Partial<Options>) {
  const outbox = createOutbox({ createSession: () => Promise.reject(offline), ...options });
  await outbox.open(ann);
  return outbox;
}

export function createMemoryStorage(stored: readonly OutgoingMessage[] = []) {
  const messages = new Map(stored.map((message) => [message.key, message]));
  return {
    messages,
    load: async (owner: string) =>
      [...messages.values()].filter((message) => message.owner === owner),
    put: async (message: OutgoingMessage) => void messages.set(message.key, message),
    remove: async (key: string) => void messages.delete(key),
  };
}

/** The outbox of the page, and the hooks that show its messages. */
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { body, client } from "@/api/client";
import type { Message } from "@/api/models";
import { useOwner } from "@/owner";
import { store } from "@/stream/store";
import { createOutbox, type OutgoingMessage } from "./outbox";
import { createDeviceStorage } from "./storage";

export const outbox = createOutbox({
  storage: createDeviceStorage(),
  async begin(item, signal) {
    const session = await body(
      client.POST("/v1/chat", {
        params: { header: { "Idempotency-Key": item.key } },
        body: { agent_key: item.agentKey ?? "" },
        signal,
      }),
    );
    store.dispatch(
      { type: "session.accepted", session },
      { type: "thread.begun", sessionId: session.id },
    );
    return session.id;
  },
  async send(item, signal) {
    const id = item.sessionId ?? "";
    const accepted = await body(
      client.POST("/v1/chat/{id}/messages", {
        params: { path: { id }, header: { "Idempotency-Key": item.key } },
        body: { content: item.content },
        signal,
      }),
    );
    store.dispatch({ type: "message.accepted", message: accepted.message, task: accepted.task });
  },
});

/** Opens the outbox of the current account, and retries waiting messages after each reconnect. */
export function useOutboxDelivery(isLive: boolean): void {
  const owner = useOwner();
  useEffect(() => {
    if (owner === null) return;
    void outbox.open(owner);
    window.addEventListener("online", outbox.wake);
    return () => {
      window.removeEventListener("online", outbox.wake);
      outbox.close();
    };
  }, [owner]);
  useEffect(() => {
    if (isLive) outbox.wake();
  }, [isLive]);
}

/**
 * Returns the pending messages that are not in the thread yet. The event about a message may arrive
 * before the response to its POST; the message then replaces the pending one.
 */
export function withoutArrived(
  items: readonly OutgoingMessage[],
  messages: readonly (Message | null)[],
): readonly OutgoingMessage[] {
  const used = new Set<string>();
  return items.filter((item) => {
    if (item.state !== "sending") return true;
    const arrived = messages.find(
      (message) =>
        message !== null &&
        message.role === "user" &&
        message.seq > item.baseline &&
        message.content === item.content &&
        !used.has(message.id),
    );
    if (arrived) used.add(arrived.id);
    return !arrived;
  });
}

/** Returns the pending messages of a session or, for null, of sessions that are not created yet. */
export function useOutgoingMessages(sessionId: string | null): readonly OutgoingMessage[] {
  const items = useSyncExternalStore(outbox.subscribe, outbox.getItems);
  return useMemo(() => items.filter((item) => item.sessionId === sessionId), [items, sessionId]);
}

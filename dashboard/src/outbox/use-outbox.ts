/** The page's outbox and its hooks. */
import { useEffect, useMemo } from "react";
import { useCurrentAccount } from "@/account";
import { body, client } from "@/api/client";
import { attachmentsOf, type Message } from "@/api/models";
import { uploadWaiting } from "@/attachments/pending-files";
import { releaseFiles, uploadWaitingFile } from "@/attachments/waiting-files";
import { useObservable } from "@/observable";
import { store } from "@/stream/store";
import { createIndexedDbStorage } from "./indexed-db";
import { createOutbox } from "./outbox";
import type { OutgoingMessage } from "./outgoing-message";

/** The keys that accepted messages had in the outbox, by message ID. */
const outgoingKeys = new Map<string, string>();

/**
 * Returns the key that a message had in the outbox, or undefined if it was not sent from this page.
 */
export function outgoingKeyOf(messageId: string): string | undefined {
  return outgoingKeys.get(messageId);
}

export const outbox = createOutbox({
  storage: createIndexedDbStorage(),
  async createSession({ key, agentKey = "", folder }, signal) {
    const session = await body(
      client.POST("/v1/chat", {
        params: { header: { "Idempotency-Key": key } },
        body: { agent_key: agentKey, ...(folder && { folder }) },
        signal,
      }),
    );
    store.dispatch(
      { type: "session.accepted", session },
      { type: "thread.created", sessionId: session.id },
    );
    return session.id;
  },
  uploadFile: uploadWaitingFile,
  releaseFiles,
  async send({ key, sessionId, content, attachments = [] }, signal) {
    const { message, task } = await body(
      client.POST("/v1/chat/{id}/messages", {
        params: { path: { id: sessionId ?? "" }, header: { "Idempotency-Key": key } },
        body: { content, attachments: attachments.map(({ id }) => id) },
        signal,
      }),
    );
    outgoingKeys.set(message.id, key);
    store.dispatch({ type: "message.accepted", message, task });
  },
});

/** Sends what is waiting: messages, and the files of drafts. */
function deliver(): void {
  outbox.retryWaiting();
  uploadWaiting();
}

/** Opens the outbox of the current account, and sends what is waiting after each reconnect. */
export function useOutboxDelivery(isLive: boolean): void {
  const account = useCurrentAccount();
  useEffect(() => {
    if (account === null) return;
    void outbox.open(account);
    window.addEventListener("online", deliver);
    return () => {
      window.removeEventListener("online", deliver);
      outbox.close();
    };
  }, [account]);
  useEffect(() => {
    if (isLive) deliver();
  }, [isLive]);
}

/**
 * Finds the pending messages that a thread already contains, because the event about a message may
 * arrive before the response to its POST. Returns the keys of these pending messages by message ID.
 */
export function matchDelivered(
  pending: readonly OutgoingMessage[],
  messages: readonly (Message | null)[],
): ReadonlyMap<string, string> {
  const delivered = new Map<string, string>();
  for (const outgoing of pending) {
    if (outgoing.state !== "sending" || outgoing.waitingFiles?.length) continue;
    const match = messages.find(
      (message) =>
        message !== null &&
        message.role === "user" &&
        message.seq > outgoing.baseline &&
        message.content === outgoing.content &&
        hasSameFiles(message, outgoing) &&
        !delivered.has(message.id),
    );
    if (match) delivered.set(match.id, outgoing.key);
  }
  return delivered;
}

function hasSameFiles(message: Message, outgoing: OutgoingMessage): boolean {
  const ids = (files: readonly { id: string }[]) => files.map(({ id }) => id).join();
  return ids(attachmentsOf(message)) === ids(attachmentsOf(outgoing));
}

/**
 * Returns the pending messages of a session or, for null, of sessions that have not been created
 * yet.
 */
export function useOutgoingMessages(sessionId: string | null): readonly OutgoingMessage[] {
  const messages = useObservable(outbox.messages);
  return useMemo(
    () => messages.filter((message) => message.sessionId === sessionId),
    [messages, sessionId],
  );
}

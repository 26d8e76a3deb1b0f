import type { Attachment } from "@/api/models";
import type { WaitingFile } from "@/attachments/attachment";

/** A message that the server has not accepted yet, as it is stored on the device. */
export interface OutgoingMessage {
  /** The Idempotency-Key, which also identifies the message in the outbox. */
  readonly key: string;
  /** The author's account. */
  readonly owner: string;
  /** Null for the first message of a new session with `agentKey`, until the session is created. */
  readonly sessionId: string | null;
  readonly agentKey?: string;
  /** The key of the new session's folder. */
  readonly folder?: string;
  readonly content: string;
  /** The files that are already uploaded. */
  readonly attachments?: readonly Attachment[];
  /** The files that are kept on the device until they can be uploaded. */
  readonly waitingFiles?: readonly WaitingFile[];
  /**
   * The device's time in milliseconds since the Unix epoch, adjusted so that later messages have
   * higher values.
   */
  readonly createdAt: number;
  /**
   * The session's `last_seq` when the message was written. The accepted message has a higher `seq`.
   */
  readonly baseline: number;
  /** `waiting` messages are retried automatically, `failed` ones only by the user. */
  readonly state: "sending" | "waiting" | "failed";
  readonly reason: { code: string; detail: string } | null;
}

/** A message for a session, or the first message of a new session with an agent. */
export type NewMessage = Pick<
  OutgoingMessage,
  "content" | "attachments" | "waitingFiles" | "baseline"
> &
  ({ sessionId: string } | { sessionId: null; agentKey: string; folder?: string });

/** Keeps outgoing messages across reloads. */
export interface OutboxStorage {
  /** Returns the messages of an account. */
  load(account: string): Promise<OutgoingMessage[]>;
  put(message: OutgoingMessage): Promise<void>;
  remove(key: string): Promise<void>;
  /** Calls `listener` with the key of each message that another tab removes. */
  onRemoved?(listener: (key: string) => void): void;
}

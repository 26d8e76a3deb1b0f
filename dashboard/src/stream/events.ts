/** The payloads of `/v1/events`, checked at the edge, so that the reducer can trust them. */
import * as v from "valibot";
import type { components } from "@/api/schema.gen";

const nullable = v.nullable;
const role = v.picklist(["user", "assistant"]);
const usage = v.object({ input_tokens: v.number(), output_tokens: v.number() });

/** A code that this version does not know is shown by its message; it must not cost the event. */
const errorCode = v.custom<components["schemas"]["ErrorCode"]>(
  (input) => typeof input === "string",
);

const task = v.looseObject({
  id: v.string(),
  chat_session_id: v.string(),
  status: v.picklist(["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]),
  attempt: v.number(),
  failures: v.number(),
  max_attempts: v.number(),
  next_attempt_at: nullable(v.string()),
  error: nullable(v.object({ code: errorCode, message: v.string(), retryable: v.boolean() })),
  usage: nullable(usage),
  created_at: v.string(),
  started_at: nullable(v.string()),
  finished_at: nullable(v.string()),
});

const session = v.looseObject({
  id: v.string(),
  workspace_id: v.string(),
  agent_key: v.string(),
  creator_id: v.string(),
  title: v.string(),
  status: v.picklist(["active", "archived"]),
  pinned_at: nullable(v.string()),
  created_at: v.string(),
  updated_at: v.string(),
  last_activity_at: v.string(),
  last_message: nullable(v.object({ role, preview: v.string(), created_at: v.string() })),
  last_seq: v.number(),
  last_read_seq: v.number(),
  unread_count: v.number(),
  active_task: nullable(task),
  queued_count: v.number(),
});

const message = v.looseObject({
  id: v.string(),
  chat_session_id: v.string(),
  turn: v.number(),
  seq: v.number(),
  role,
  content: v.string(),
  task_id: v.string(),
  task: nullable(task),
  finish_reason: nullable(
    v.picklist(["stop", "length", "refusal", "cancelled", "interrupted", "error", "empty"]),
  ),
  elapsed_ms: nullable(v.number()),
  usage: nullable(usage),
  created_at: v.string(),
  edited_at: nullable(v.string()),
});

const step = v.looseObject({
  seq: v.number(),
  revision: v.number(),
  kind: v.picklist(["thought", "tool", "plan", "permission", "notice"]),
  tool_call_id: nullable(v.string()),
  title: v.string(),
  status: v.picklist(["pending", "running", "succeeded", "failed", "rejected"]),
  detail: v.fallback(v.record(v.string(), v.unknown()), {}),
});

const at = v.string();
const about = { at, chat_session_id: v.string() };
const sessionChange = { ...about, session };
const messageChange = { ...sessionChange, message };
const text = { task_id: v.string(), attempt: v.number(), message_id: v.string(), text: v.string() };

const eventSchema = v.variant("type", [
  v.object({
    type: v.literal("hello"),
    at,
    cursor: v.string(),
    heartbeat_ms: v.number(),
    retry_ms: v.number(),
  }),
  v.object({ type: v.literal("heartbeat"), at }),
  v.object({ type: v.literal("resync"), at, reason: v.string(), cursor: v.string() }),
  v.object({ type: v.literal("server.draining"), at }),
  v.object({ type: v.literal("session.created"), ...sessionChange }),
  v.object({ type: v.literal("session.updated"), ...sessionChange }),
  v.object({ type: v.literal("session.read"), ...sessionChange }),
  v.object({ type: v.literal("session.deleted"), ...about }),
  v.object({ type: v.literal("message.created"), ...messageChange }),
  v.object({ type: v.literal("message.updated"), ...messageChange }),
  v.object({
    type: v.literal("message.deleted"),
    ...sessionChange,
    message_id: v.string(),
    role,
    task_id: v.string(),
  }),
  v.object({ type: v.literal("task.updated"), ...sessionChange, task }),
  v.object({
    type: v.literal("typing"),
    ...about,
    agent_key: v.string(),
    task_id: v.string(),
    is_typing: v.boolean(),
    expires_at: v.string(),
  }),
  v.object({
    type: v.literal("message.delta"),
    ...about,
    ...text,
    offset: v.number(),
    next_offset: v.number(),
  }),
  v.object({ type: v.literal("message.partial"), ...about, ...text, next_offset: v.number() }),
  v.object({
    type: v.literal("task.step"),
    ...about,
    task_id: v.string(),
    attempt: v.number(),
    step,
  }),
]);

type Parsed = v.InferOutput<typeof eventSchema>;

/**
 * An event that was checked. The document has the last word on its type: where the schemas
 * accept less or other than it promises, this does not compile.
 */
export type StreamEvent = Parsed extends components["schemas"]["Event"] ? Parsed : never;
export type EventType = StreamEvent["type"];

/** Every type, for `addEventListener`: named events do not reach `onmessage`. */
export const eventTypes: readonly EventType[] = eventSchema.options.map(
  (option) => option.entries.type.literal,
);

/** The event in a frame's data, or null when it is none that this version understands. */
export function parseEvent(data: string): StreamEvent | null {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return null;
  }
  const result = v.safeParse(eventSchema, json);
  return result.success ? result.output : null;
}

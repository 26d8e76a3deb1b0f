/**
 * This file was generated from docs/openapi.json by scripts/valibot-schemas.mjs.
 * Do not make direct changes to the file.
 */
import * as v from "valibot";
import type { components } from "./schema.gen";

const sessionStatus = v.picklist(["active", "archived"]);

const role = v.picklist(["user", "assistant"]);

const lastMessage = v.looseObject({
  role,
  preview: v.string(),
  created_at: v.string(),
});

const taskStatus = v.picklist(["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]);

const taskError = v.looseObject({
  code: v.custom<components["schemas"]["ErrorCode"]>((input) => typeof input === "string"),
  message: v.string(),
  retryable: v.boolean(),
});

const usage = v.looseObject({
  input_tokens: v.number(),
  output_tokens: v.number(),
});

const changeCounts = v.looseObject({
  files: v.number(),
  additions: v.number(),
  deletions: v.number(),
});

const task = v.looseObject({
  id: v.string(),
  chat_session_id: v.string(),
  status: taskStatus,
  attempt: v.number(),
  failures: v.number(),
  max_attempts: v.number(),
  next_attempt_at: v.nullable(v.string()),
  error: v.nullable(taskError),
  usage: v.nullable(usage),
  created_at: v.string(),
  started_at: v.nullable(v.string()),
  finished_at: v.nullable(v.string()),
  changes: v.nullable(changeCounts),
});

const forkOrigin = v.looseObject({
  chat_session_id: v.string(),
  message_id: v.string(),
});

const gitState = v.looseObject({
  branch: v.nullable(v.string()),
  base: v.nullable(v.string()),
  ahead: v.nullable(v.number()),
  dirty: v.boolean(),
});

const session = v.looseObject({
  id: v.string(),
  workspace_id: v.string(),
  agent_key: v.string(),
  creator_id: v.string(),
  title: v.string(),
  status: sessionStatus,
  pinned_at: v.nullable(v.string()),
  created_at: v.string(),
  updated_at: v.string(),
  last_activity_at: v.string(),
  last_message: v.nullable(lastMessage),
  last_seq: v.number(),
  last_read_seq: v.number(),
  unread_count: v.number(),
  active_task: v.nullable(task),
  queued_count: v.number(),
  forked_from: v.nullable(forkOrigin),
  folder: v.nullable(v.string()),
  git: v.nullable(gitState),
});

const attachment = v.looseObject({
  id: v.string(),
  name: v.string(),
  media_type: v.string(),
  size: v.number(),
  sha256: v.string(),
  width: v.nullable(v.number()),
  height: v.nullable(v.number()),
  created_at: v.string(),
});

const finishReason = v.picklist(["stop", "length", "refusal", "cancelled", "interrupted", "error", "empty"]);

const messageBranch = v.looseObject({
  index: v.number(),
  count: v.number(),
});

const message = v.looseObject({
  id: v.string(),
  chat_session_id: v.string(),
  turn: v.number(),
  seq: v.number(),
  role,
  content: v.string(),
  agent_key: v.nullable(v.string()),
  attachments: v.array(attachment),
  task_id: v.string(),
  task: v.nullable(task),
  finish_reason: v.nullable(finishReason),
  elapsed_ms: v.nullable(v.number()),
  usage: v.nullable(usage),
  created_at: v.string(),
  edited_at: v.nullable(v.string()),
  branch: v.nullable(messageBranch),
});

const stepStatus = v.picklist(["pending", "running", "succeeded", "failed", "rejected"]);

const step = v.variant("kind", [
  v.looseObject({
    detail: v.fallback(v.record(v.string(), v.unknown()), {}),
    kind: v.literal("thought"),
    seq: v.number(),
    revision: v.number(),
    tool_call_id: v.nullable(v.string()),
    parent_tool_call_id: v.nullable(v.string()),
    title: v.string(),
    status: stepStatus,
    text_offset: v.number(),
    started_at: v.nullable(v.string()),
    ended_at: v.nullable(v.string()),
  }),
  v.looseObject({
    detail: v.fallback(v.record(v.string(), v.unknown()), {}),
    kind: v.literal("tool"),
    seq: v.number(),
    revision: v.number(),
    tool_call_id: v.nullable(v.string()),
    parent_tool_call_id: v.nullable(v.string()),
    title: v.string(),
    status: stepStatus,
    text_offset: v.number(),
    started_at: v.nullable(v.string()),
    ended_at: v.nullable(v.string()),
  }),
  v.looseObject({
    detail: v.fallback(v.record(v.string(), v.unknown()), {}),
    kind: v.literal("plan"),
    seq: v.number(),
    revision: v.number(),
    tool_call_id: v.nullable(v.string()),
    parent_tool_call_id: v.nullable(v.string()),
    title: v.string(),
    status: stepStatus,
    text_offset: v.number(),
    started_at: v.nullable(v.string()),
    ended_at: v.nullable(v.string()),
  }),
  v.looseObject({
    detail: v.fallback(v.record(v.string(), v.unknown()), {}),
    kind: v.literal("permission"),
    seq: v.number(),
    revision: v.number(),
    tool_call_id: v.nullable(v.string()),
    parent_tool_call_id: v.nullable(v.string()),
    title: v.string(),
    status: stepStatus,
    text_offset: v.number(),
    started_at: v.nullable(v.string()),
    ended_at: v.nullable(v.string()),
  }),
  v.looseObject({
    detail: v.fallback(v.record(v.string(), v.unknown()), {}),
    kind: v.literal("notice"),
    seq: v.number(),
    revision: v.number(),
    tool_call_id: v.nullable(v.string()),
    parent_tool_call_id: v.nullable(v.string()),
    title: v.string(),
    status: stepStatus,
    text_offset: v.number(),
    started_at: v.nullable(v.string()),
    ended_at: v.nullable(v.string()),
  }),
]);

export const event = v.variant("type", [
  v.object({
    cursor: v.string(),
    heartbeat_ms: v.number(),
    retry_ms: v.number(),
    type: v.literal("hello"),
    at: v.string(),
  }),
  v.object({
    type: v.literal("heartbeat"),
    at: v.string(),
  }),
  v.object({
    reason: v.string(),
    cursor: v.string(),
    type: v.literal("resync"),
    at: v.string(),
  }),
  v.object({
    type: v.literal("server.draining"),
    at: v.string(),
  }),
  v.object({
    session,
    type: v.literal("session.created"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    session,
    type: v.literal("session.updated"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    session,
    type: v.literal("session.read"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    text: v.string(),
    revision: v.number(),
    type: v.literal("session.draft"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    type: v.literal("session.deleted"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    message,
    session,
    type: v.literal("message.created"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    message,
    session,
    type: v.literal("message.updated"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    message_id: v.string(),
    role,
    task_id: v.string(),
    session,
    type: v.literal("message.deleted"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    task,
    session,
    type: v.literal("task.updated"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    agent_key: v.string(),
    task_id: v.string(),
    is_typing: v.boolean(),
    expires_at: v.string(),
    type: v.literal("typing"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    task_id: v.string(),
    attempt: v.number(),
    message_id: v.string(),
    offset: v.number(),
    next_offset: v.number(),
    text: v.string(),
    type: v.literal("message.delta"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    task_id: v.string(),
    attempt: v.number(),
    message_id: v.string(),
    text: v.string(),
    next_offset: v.number(),
    type: v.literal("message.partial"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
  v.object({
    task_id: v.string(),
    attempt: v.number(),
    step,
    type: v.literal("task.step"),
    at: v.string(),
    chat_session_id: v.string(),
  }),
]);

/** Resources of the api as tests need them: complete, and changed where the test says so. */
import type { Message, Session, Step, Task } from "@/api/models";

export const at = "2026-01-01T00:00:00.000Z";
export const sid = "session";

/** A turn that waits for its first attempt. */
export function makeTask(over: Partial<Task> = {}): Task {
  return {
    id: "task-1",
    chat_session_id: sid,
    status: "queued",
    attempt: 0,
    failures: 0,
    max_attempts: 3,
    next_attempt_at: null,
    error: null,
    usage: null,
    created_at: at,
    started_at: null,
    finished_at: null,
    ...over,
  };
}

export function makeSession(over: Partial<Session> = {}): Session {
  return {
    id: sid,
    workspace_id: "default",
    agent_key: "demo",
    creator_id: "local",
    title: "Hello",
    status: "active",
    pinned_at: null,
    created_at: at,
    updated_at: at,
    last_activity_at: at,
    last_message: null,
    last_seq: 0,
    last_read_seq: 0,
    unread_count: 0,
    active_task: null,
    queued_count: 0,
    ...over,
  };
}

/** The first thing that the user said. */
export function makeMessage(over: Partial<Message> = {}): Message {
  return {
    id: "user-1",
    chat_session_id: sid,
    turn: 1,
    seq: 1,
    role: "user",
    content: "hi",
    task_id: "task-1",
    task: null,
    finish_reason: null,
    elapsed_ms: null,
    usage: null,
    created_at: at,
    edited_at: null,
    ...over,
  };
}

/** A tool that runs. */
export function makeStep(over: Partial<Step> = {}): Step {
  return {
    seq: 1,
    revision: 1,
    kind: "tool",
    tool_call_id: "call-1",
    title: "cargo test",
    status: "running",
    detail: {},
    ...over,
  };
}

// @ts-check
/**
 * Builders for complete objects, for tests. This file is JavaScript because the browser tests and
 * the scripts, which Node runs directly, use it too.
 */

/** @import { Agent, Message, Session, Step, Task } from "@/api/models" */
/** @import { OutgoingMessage } from "@/outbox/outgoing-message" */

export const at = "2026-01-01T00:00:00.000Z";
export const sid = "session";

/**
 * Returns a task that is queued for its first attempt.
 * @param {Partial<Task>} over
 * @returns {Task}
 */
export function makeTask(over = {}) {
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
    changes: null,
    ...over,
  };
}

/**
 * Returns a session without messages.
 * @param {Partial<Session>} over
 * @returns {Session}
 */
export function makeSession(over = {}) {
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
    forked_from: null,
    folder: null,
    git: null,
    ...over,
  };
}

/**
 * Returns the user's first message.
 * @param {Partial<Message>} over
 * @returns {Message}
 */
export function makeMessage(over = {}) {
  return {
    id: "user-1",
    chat_session_id: sid,
    turn: 1,
    seq: 1,
    role: "user",
    content: "hi",
    agent_key: null,
    attachments: [],
    task_id: "task-1",
    task: null,
    finish_reason: null,
    elapsed_ms: null,
    usage: null,
    created_at: at,
    edited_at: null,
    branch: null,
    ...over,
  };
}

/**
 * Returns the answer to the first message.
 * @param {Partial<Message>} over
 * @returns {Message}
 */
export function makeAnswer(over = {}) {
  const answer = {
    id: "answer-1",
    seq: 2,
    role: /** @type {const} */ ("assistant"),
    agent_key: "demo",
  };
  return makeMessage({ ...answer, content: "Hello!", finish_reason: "stop", ...over });
}

/**
 * Returns the message and the answer of a past turn. The length of the answer depends on `turn`.
 * @param {number} turn
 * @param {{ chat_session_id?: string, at?: string }} over
 * @returns {[Message, Message]}
 */
export function makeTurn(turn, { chat_session_id = sid, at: time = at } = {}) {
  const shared = { chat_session_id, turn, task_id: `task-${turn}`, created_at: time };
  const task = makeTask({
    id: shared.task_id,
    chat_session_id,
    status: "succeeded",
    attempt: 1,
    created_at: time,
    started_at: time,
    finished_at: time,
  });
  const code = turn % 5 === 0 ? "\n\n```rust\nlet answer = 42;\n```" : "";
  const content = `Answer ${turn}. ${"Some more words to read. ".repeat(turn % 13)}${code}`;
  const question = { id: `user-${turn}`, seq: 2 * turn - 1, content: `Question ${turn}`, task };
  const answer = { id: `answer-${turn}`, seq: 2 * turn, content, elapsed_ms: 1200 };
  return [makeMessage({ ...shared, ...question }), makeAnswer({ ...shared, ...answer })];
}

/**
 * Returns the step of a running tool call.
 * @param {Partial<Step>} over
 * @returns {Step}
 */
export function makeStep(over = {}) {
  return {
    seq: 1,
    revision: 1,
    kind: "tool",
    tool_call_id: "call-1",
    parent_tool_call_id: null,
    title: "cargo test",
    status: "running",
    text_offset: 0,
    started_at: null,
    ended_at: null,
    detail: {},
    ...over,
  };
}

/**
 * Returns an available agent.
 * @param {Partial<Agent>} over
 * @returns {Agent}
 */
export function makeAgent(over = {}) {
  return {
    key: "demo",
    name: "Demo",
    description: "",
    driver: "demo",
    answer_format: "markdown",
    accepts: { images: true, files: true },
    avatar: null,
    starters: [],
    available: true,
    reason: null,
    ...over,
  };
}

/**
 * Returns a message in the outbox that is waiting for its next attempt.
 * @param {Partial<OutgoingMessage>} over
 * @returns {OutgoingMessage}
 */
export function makeOutgoing(over = {}) {
  return {
    key: "key-1",
    owner: "default/ann",
    sessionId: sid,
    content: "hi",
    createdAt: 1,
    baseline: 0,
    state: "waiting",
    reason: null,
    ...over,
  };
}

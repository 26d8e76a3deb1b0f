/** Builders for actions about the test session. */
import type { Message, Session, Step, Task } from "@/api/models";
import { at, makeSession, sid } from "@/test-objects";
import type { StreamEvent } from "./events";
import type { Action, FetchedThread } from "./state";

const about = { at, chat_session_id: sid };

/** Returns the action for an event with a position in the log. */
export function durable(seq: number, event: StreamEvent, epoch = "a"): Action {
  return { type: "event", cursor: { epoch, seq }, event };
}

/** Returns the action for an event without a position. */
export function live(event: StreamEvent): Action {
  return { type: "event", cursor: null, event };
}

export function hello(seq: number, epoch = "a"): Action {
  return live({
    type: "hello",
    at,
    heartbeat_ms: 15_000,
    retry_ms: 1000,
    cursor: `${epoch}-${seq}`,
  });
}

export function messageCreated(seq: number, message: Message, over: Partial<Session> = {}): Action {
  const session = makeSession({ last_seq: message.seq, ...over });
  return durable(seq, { type: "message.created", ...about, message, session });
}

export function taskUpdated(seq: number, task: Task): Action {
  return durable(seq, { type: "task.updated", ...about, task, session: makeSession() });
}

export function taskStep(step: Step, attempt = 1): Action {
  return live({ type: "task.step", ...about, task_id: "task-1", attempt, step });
}

/** Returns a delta of the answer. `offset` is in bytes. */
export function delta(offset: number, text: string, attempt = 1): Action {
  const bytes = new TextEncoder().encode(text).length;
  return live({
    type: "message.delta",
    at,
    chat_session_id: sid,
    task_id: "task-1",
    attempt,
    message_id: "answer-1",
    offset,
    next_offset: offset + bytes,
    text,
  });
}

/** Returns a partial with the text of the answer so far. */
export function partial(text: string, attempt = 1): Action {
  return live({
    type: "message.partial",
    at,
    chat_session_id: sid,
    task_id: "task-1",
    attempt,
    message_id: "answer-1",
    text,
    next_offset: new TextEncoder().encode(text).length,
  });
}

/** Returns the response to a fetch of the thread, as of the position `seq`. */
export function fetched(seq: number, over: Partial<FetchedThread> = {}, epoch = "a"): Action {
  const data = { session: makeSession(), messages: [], has_more: false, partial: null, ...over };
  return { type: "thread.fetched", data, asOf: { epoch, seq } };
}

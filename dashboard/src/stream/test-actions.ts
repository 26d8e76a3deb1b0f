/** Builders of actions for events about the test session. */
import type { Message, Session, Step, Task } from "@/api/models";
import { at, makeSession, sid } from "@/test-objects";
import type { StreamEvent } from "./events";
import type { Action } from "./state";

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

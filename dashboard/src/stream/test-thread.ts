/** A thread with one turn, for tests of the reducer. */
import { at, makeAnswer, makeMessage as message, sid, makeTask as task } from "@/test-objects";
import { reduce } from "./reducer";
import { listSessions } from "./session-order";
import { type Action, initialState, type State } from "./state";
import { delta, fetched, messageCreated, taskUpdated } from "./test-actions";
import { listTurns } from "./turns";

export const answer = makeAnswer({ content: "Grüße!" });

/** Applies actions to the initial state. */
export function run(...actions: readonly Action[]): State {
  return actions.reduce(reduce, initialState);
}

/** Returns the parts of a state that the page shows. */
export function viewOf(state: State) {
  const thread = state.threads[sid];
  const texts = Object.entries(thread?.live ?? {}).map(([id, { attempt, messageId, text }]) => ({
    id,
    attempt,
    messageId,
    text,
  }));
  const messages = thread?.messages ?? {};
  return {
    sessions: listSessions(state.sessions, "active"),
    turns: listTurns(messages).map((turn) => ({
      user: turn.user && { ...turn.user, task: null },
      answer: turn.answer,
      task: turn.user && thread?.tasks[turn.user.task_id]?.value,
    })),
    texts,
  };
}

/** The actions that open the thread and fetch it while it is empty. */
export const opened: Action[] = [{ type: "thread.opened", sessionId: sid }, fetched(10)];
export const running = task({ status: "running", attempt: 1, started_at: at });
export const done = task({ ...running, status: "succeeded", finished_at: at });
/** The turn's events. */
export const conversation: Action[] = [
  messageCreated(11, message({ task: task() }), { last_seq: 1 }),
  taskUpdated(12, running),
  delta(0, "Grü"),
  delta(4, "ße!"),
  messageCreated(13, answer),
  taskUpdated(14, done),
];

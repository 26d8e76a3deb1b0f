// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Session } from "@/api/models";
import {
  at,
  makeAnswer,
  makeMessage as message,
  makeSession as session,
  sid,
  makeTask as task,
} from "@/test-objects";
import { reduce } from "./reducer";
import { countUnread, listSessions, listWithoutGap } from "./session-order";
import { type Action, type FetchedThread, initialState, type State } from "./state";
import { durable, live, messageCreated, taskUpdated } from "./test-actions";
import { findCurrentTask, listTurns } from "./turns";

const answer = makeAnswer({ content: "Grüße!" });

function delta(offset: number, text: string, attempt = 1): Action {
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

function partial(text: string, attempt = 1): Action {
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

function fetched(seq: number, over: Partial<FetchedThread> = {}, epoch = "a"): Action {
  const data = { session: session(), messages: [], has_more: false, partial: null, ...over };
  return { type: "thread.fetched", data, asOf: { epoch, seq } };
}

function run(...actions: readonly Action[]): State {
  return actions.reduce(reduce, initialState);
}

/** Returns what the page shows of a state. */
function viewOf(state: State) {
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

const opened: Action[] = [{ type: "thread.opened", sessionId: sid }, fetched(10)];
const running = task({ status: "running", attempt: 1, started_at: at });
const done = task({ ...running, status: "succeeded", finished_at: at });
const conversation: Action[] = [
  messageCreated(11, message({ task: task() }), { last_seq: 1 }),
  taskUpdated(12, running),
  delta(0, "Grü"),
  delta(4, "ße!"),
  messageCreated(13, answer),
  taskUpdated(14, done),
];

describe("a turn", () => {
  it("leads to the same state from live events, a replay, and a fetch", () => {
    const streamed = run(...opened, ...conversation);
    const replayed = run(...opened, ...conversation.filter((a) => a.type !== "event" || a.cursor));
    const refetched = run(
      { type: "thread.opened", sessionId: sid },
      fetched(14, { messages: [message({ task: done }), answer] }),
    );

    expect(viewOf(streamed).turns).toEqual(viewOf(refetched).turns);
    expect(viewOf(streamed).texts).toEqual([]);
    expect(viewOf(replayed)).toEqual(viewOf(streamed));
  });

  it("leads to the same state when every event is duplicated", () => {
    const once = run(...opened, ...conversation);
    const twice = run(...opened, ...conversation.flatMap((action) => [action, action]));
    const again = run(...opened, ...conversation, ...conversation);

    expect(twice).toEqual(once);
    expect(again).toEqual(once);
  });

  it("keeps the live text until the message of an ended task arrives", () => {
    const before = run(...opened, ...conversation.slice(0, 4), taskUpdated(13, done));

    expect(viewOf(before).texts).toMatchObject([{ text: "Grüße!" }]);

    const after = reduce(before, messageCreated(14, answer));

    expect(viewOf(after).texts).toEqual([]);
    expect(viewOf(after).turns).toMatchObject([{ answer: { content: "Grüße!" } }]);
  });

  it("collects events during the first fetch", () => {
    const state = run(
      { type: "thread.opened", sessionId: sid },
      messageCreated(11, message({ task: task() })),
      taskUpdated(12, running),
      fetched(10),
    );

    expect(viewOf(state).turns).toMatchObject([{ user: { content: "hi" }, task: running }]);
  });
});

describe("events and fetches in any order", () => {
  it("do not overwrite a newer fetch with a late event", () => {
    const state = run(
      ...opened,
      fetched(14, { messages: [message({ task: done }), answer] }),
      messageCreated(11, message({ task: task() })),
      taskUpdated(12, running),
    );

    expect(viewOf(state).turns).toMatchObject([{ task: done, answer }]);
  });

  it("do not overwrite newer events with a late fetch", () => {
    const state = run(
      ...opened,
      ...conversation,
      fetched(12, { messages: [message({ task: running })] }),
    );

    expect(viewOf(state).turns).toMatchObject([{ task: done, answer }]);
  });

  it("increase the generation after a gap", () => {
    const state = run(...opened, messageCreated(11, message()), messageCreated(15, answer));

    expect(state.generation).toBe(1);
    expect(state.position).toEqual({ epoch: "a", seq: 15 });
    expect(state.origin).toBe(15);
  });

  it("request another fetch of a thread that is older than the stream", () => {
    const hello = { type: "hello", at, cursor: "a-20", heartbeat_ms: 1, retry_ms: 1 } as const;
    const state = run({ type: "thread.opened", sessionId: sid }, live(hello), fetched(10));

    expect(state.threads[sid]?.gaps).toBe(1);
  });

  it("replace the state after a resync to another epoch", () => {
    const state = run(
      ...opened,
      ...conversation,
      live({ type: "resync", at, reason: "foreign_cursor", cursor: "b-3" }),
      fetched(3, { messages: [message({ id: "other" })] }, "b"),
    );

    expect(state.generation).toBe(1);
    expect(viewOf(state).turns).toMatchObject([{ user: { id: "other" }, answer: null }]);
  });

  it("keep an accepted message after a fetch from before it was sent", () => {
    const first = message({ task: running });
    const second = message({ id: "user-2", turn: 2, seq: 2, task_id: "task-2" });
    const accepted = run(
      ...opened,
      messageCreated(11, first),
      { type: "message.accepted", message: second, task: task({ id: "task-2" }) },
      fetched(12, { session: session({ last_seq: 1 }), messages: [first] }),
    );

    expect(viewOf(accepted).turns.map(({ user }) => user?.id)).toEqual(["user-1", "user-2"]);

    const removed = reduce(
      accepted,
      fetched(14, { session: session({ last_seq: 2 }), messages: [first] }),
    );

    expect(viewOf(removed).turns.map(({ user }) => user?.id)).toEqual(["user-1"]);
  });

  it("do not restore a deleted message from an older fetch", () => {
    const gone = { message_id: "user-1", role: "user", task_id: "task-1" } as const;
    const state = run(
      ...opened,
      messageCreated(11, message({ task: task() })),
      durable(12, {
        type: "message.deleted",
        at,
        chat_session_id: sid,
        ...gone,
        session: session(),
      }),
      fetched(11, { messages: [message({ task: task() })] }),
      { type: "message.accepted", message: message(), task: task() },
    );

    expect(viewOf(state).turns).toEqual([]);
  });
});

describe("live text", () => {
  const started = [...opened, ...conversation.slice(0, 2)];

  it("drops overlaps by bytes rather than by characters", () => {
    const state = run(...started, delta(0, "Grü"), delta(2, "üße!"));

    expect(viewOf(state).texts).toMatchObject([{ text: "Grüße!" }]);
  });

  it("joins deltas that arrive out of order, and requests a fetch", () => {
    const state = run(...started, delta(0, "a"), delta(2, "c"), delta(1, "b"));

    expect(viewOf(state).texts).toMatchObject([{ text: "abc" }]);
    expect(state.threads[sid]?.gaps).toBe(1);
  });

  it("ignores a lower attempt and is replaced by a higher one", () => {
    const second = task({ ...running, attempt: 2 });
    const state = run(
      ...started,
      delta(0, "first try"),
      taskUpdated(13, task({ ...running, status: "queued" })),
      taskUpdated(14, second),
      delta(0, "second", 2),
      delta(9, " late"),
      delta(0, "first try"),
    );

    expect(viewOf(state).texts).toEqual([
      { id: "task-1", attempt: 2, messageId: "answer-1", text: "second" },
    ]);
  });

  it("is replaced by a longer partial but not by a shorter one", () => {
    const replaced = run(...started, delta(0, "ab"), partial("abcd"), delta(4, "e"));
    const kept = run(...started, delta(0, "abcd"), partial("ab"), delta(2, "cde"));

    expect(viewOf(replaced).texts).toMatchObject([{ text: "abcde" }]);
    expect(viewOf(kept).texts).toMatchObject([{ text: "abcde" }]);
  });

  it("ignores deltas and partials after the end of the task", () => {
    const state = run(...opened, ...conversation, delta(0, "late"), partial("late"));

    expect(viewOf(state).texts).toEqual([]);
  });

  it("joins the partial of a fetch with earlier deltas", () => {
    const running1 = message({ task: running });
    const state = run(
      { type: "thread.opened", sessionId: sid },
      delta(4, "ef"),
      fetched(12, {
        messages: [running1],
        partial: {
          task_id: "task-1",
          attempt: 1,
          message_id: "answer-1",
          text: "abcd",
          next_offset: 4,
        },
      }),
    );

    expect(viewOf(state).texts).toMatchObject([{ text: "abcdef" }]);
  });

  it("keeps its message id after an automatic retry", () => {
    const state = run(
      ...started,
      delta(0, "one"),
      taskUpdated(13, task({ ...running, attempt: 2 })),
      delta(0, "two", 2),
      messageCreated(14, { ...answer, content: "two" }),
    );

    expect(viewOf(state).turns).toMatchObject([{ answer: { id: "answer-1", content: "two" } }]);
    expect(viewOf(state).texts).toEqual([]);
  });
});

describe("findCurrentTask", () => {
  const current = (state: State, over: Partial<Session> = {}) => {
    const { messages, tasks } = state.threads[sid] ?? { messages: {}, tasks: {} };
    return findCurrentTask(session(over), messages, tasks)?.id;
  };
  const second = message({ id: "user-2", turn: 2, seq: 2, task_id: "task-2" });
  const queue = run(
    ...opened,
    messageCreated(11, message({ task: task() })),
    messageCreated(12, { ...second, task: task({ id: "task-2" }) }),
  );

  it("returns the running task, or else the first queued one", () => {
    expect(current(queue, { active_task: running, queued_count: 1 })).toBe("task-1");
    expect(current(queue, { queued_count: 2 })).toBe("task-1");
    expect(current(run(...opened, ...conversation))).toBeUndefined();
  });

  it("returns no task if an earlier queued turn has not been fetched", () => {
    expect(current(queue, { queued_count: 3 })).toBeUndefined();
  });
});

describe("a session that was created in this tab", () => {
  it("has a loaded thread that receives events before any fetch", () => {
    const begun = run(
      { type: "session.accepted", session: session() },
      { type: "thread.created", sessionId: sid },
      messageCreated(11, message({ task: task() })),
    );

    expect(begun.threads[sid]?.isLoaded).toBe(true);
    expect(viewOf(begun).turns).toMatchObject([{ user: { content: "hi" } }]);
  });

  it("keeps the messages of a known thread", () => {
    const state = run(...opened, ...conversation, { type: "thread.created", sessionId: sid });

    expect(viewOf(state).turns).toHaveLength(1);
  });
});

describe("sessions", () => {
  const list = (seq: number, items: Session[], over = {}): Action => ({
    type: "sessions.fetched",
    status: "active",
    items,
    page: { after: null, isLast: true, ...over },
    asOf: { epoch: "a", seq },
  });
  const unread = (seq: number, items: Session[]): Action => ({
    type: "unread.fetched",
    items,
    asOf: { epoch: "a", seq },
  });
  const withoutGap = (state: State) =>
    listWithoutGap(state.sessions, "active", state.listedTo.active).map(({ id }) => id);

  it("are removed with their thread and not restored by an older list", () => {
    const state = run(
      ...opened,
      durable(11, { type: "session.deleted", at, chat_session_id: sid }),
      list(10, [session()]),
    );

    expect(viewOf(state).sessions).toEqual([]);
    expect(state.threads[sid]).toBeUndefined();
  });

  it("are removed if a newer complete list does not contain them", () => {
    const state = run(list(10, [session(), session({ id: "other" })]), list(12, [session()]));

    expect(viewOf(state).sessions.map((item) => item.id)).toEqual([sid]);
  });

  it("after the last session of a page are kept", () => {
    const old = session({ id: "old", last_activity_at: "2025-01-01T00:00:00.000Z" });
    const state = run(list(10, [session(), old]), list(12, [session()], { isLast: false }));

    expect(viewOf(state).sessions.map((item) => item.id)).toEqual([sid, "old"]);
  });

  it("are removed if their page does not contain them", () => {
    const day = (id: string, day: number) =>
      session({ id, last_activity_at: `2026-01-0${day}T00:00:00.000Z` });
    const [top, gone, kept, below] = [
      day("top", 4),
      day("gone", 3),
      day("kept", 2),
      day("below", 1),
    ];
    const state = run(
      list(10, [top, gone, kept, below]),
      list(12, [top], { isLast: false }),
      list(12, [kept], { after: top, isLast: false }),
    );

    expect(viewOf(state).sessions.map((item) => item.id)).toEqual(["top", "kept", "below"]);
  });

  it("that are unread beyond the loaded pages are counted but not listed", () => {
    const old = { id: "old", last_activity_at: "2025-01-01T00:00:00.000Z" };
    const state = run(
      list(10, [session()], { isLast: false }),
      unread(10, [session({ ...old, unread_count: 3 })]),
    );

    expect(countUnread(state.sessions)).toBe(3);
    expect(withoutGap(state)).toEqual([sid]);
    const more = reduce(state, list(10, [session(old)], { after: session() }));
    expect(withoutGap(more)).toEqual([sid, "old"]);
  });

  it("that are missing from the unread sessions are marked as read", () => {
    const state = run(
      list(10, [session({ unread_count: 2 }), session({ id: "other", unread_count: 1 })]),
      unread(11, [session({ id: "other", unread_count: 4 })]),
    );

    expect(countUnread(state.sessions)).toBe(4);
  });

  it("are not overwritten by a late response to a change", () => {
    const changed = session({ title: "New", updated_at: "2026-01-02T00:00:00.000Z" });
    const later = { ...changed, last_activity_at: "2026-01-02T00:00:01.000Z" };
    const state = run(
      ...opened,
      durable(11, { type: "session.updated", at, chat_session_id: sid, session: later }),
      { type: "session.accepted", session: changed },
    );

    expect(viewOf(state).sessions).toEqual([later]);
  });

  it("are ordered pinned first, then by activity", () => {
    const state = run(
      list(10, [
        session({ id: "a", last_activity_at: "2026-01-03T00:00:00.000Z" }),
        session({ id: "b", last_activity_at: "2026-01-02T00:00:00.000Z" }),
        session({ id: "c", pinned_at: at }),
      ]),
    );

    expect(viewOf(state).sessions.map((item) => item.id)).toEqual(["c", "a", "b"]);
  });
});

describe("pages of older messages", () => {
  it("are kept after a fetch that overlaps them and dropped after a gap", () => {
    const turn = (n: number) => message({ id: `m${n}`, turn: n, seq: n, task_id: `t${n}` });
    const base = [
      ...opened,
      fetched(11, { messages: [turn(3), turn(4)], has_more: true }),
      {
        type: "older.fetched",
        sessionId: sid,
        beforeTurn: 3,
        generation: 0,
        items: [turn(1), turn(2)],
        hasMore: false,
      } satisfies Action,
    ];

    const touching = run(...base, fetched(12, { messages: [turn(4), turn(5)], has_more: true }));
    const apart = run(...base, fetched(12, { messages: [turn(8), turn(9)], has_more: true }));

    expect(viewOf(touching).turns.map((t) => t.user?.turn)).toEqual([1, 2, 3, 4, 5]);
    expect(touching.threads[sid]?.hasMore).toBe(false);
    expect(viewOf(apart).turns.map((t) => t.user?.turn)).toEqual([8, 9]);
    expect(apart.threads[sid]?.hasMore).toBe(true);
  });
});

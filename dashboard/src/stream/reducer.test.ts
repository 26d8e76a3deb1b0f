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
import { countUnread, findCurrentTask, listSessions, listTurns, listWithoutGap } from "./order";
import { reduce } from "./reducer";
import { type Action, type FetchedThread, initialState, type State } from "./state";
import { durable, live, messageCreated, taskUpdated } from "./test-actions";

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

/** What a person would see: the views, without the bookkeeping. */
function seen(state: State) {
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

describe("a conversation", () => {
  it("ends in the same state whether lived through, replayed or fetched", () => {
    const lived = run(...opened, ...conversation);
    const replayed = run(...opened, ...conversation.filter((a) => a.type !== "event" || a.cursor));
    const refetched = run(
      { type: "thread.opened", sessionId: sid },
      fetched(14, { messages: [message({ task: done }), answer] }),
    );

    expect(seen(lived).turns).toEqual(seen(refetched).turns);
    expect(seen(lived).texts).toEqual([]);
    expect(seen(replayed)).toEqual(seen(lived));
  });

  it("is the same when every event comes twice", () => {
    const once = run(...opened, ...conversation);
    const twice = run(...opened, ...conversation.flatMap((action) => [action, action]));
    const again = run(...opened, ...conversation, ...conversation);

    expect(twice).toEqual(once);
    expect(again).toEqual(once);
  });

  it("keeps the text on screen when the task ends before its message comes", () => {
    const before = run(...opened, ...conversation.slice(0, 4), taskUpdated(13, done));

    expect(seen(before).texts).toMatchObject([{ text: "Grüße!" }]);

    const after = reduce(before, messageCreated(14, answer));

    expect(seen(after).texts).toEqual([]);
    expect(seen(after).turns).toMatchObject([{ answer: { content: "Grüße!" } }]);
  });

  it("collects what happens while the first fetch is under way", () => {
    const state = run(
      { type: "thread.opened", sessionId: sid },
      messageCreated(11, message({ task: task() })),
      taskUpdated(12, running),
      fetched(10),
    );

    expect(seen(state).turns).toMatchObject([{ user: { content: "hi" }, task: running }]);
  });
});

describe("the order of sources", () => {
  it("does not let a late event undo a newer fetch", () => {
    const state = run(
      ...opened,
      fetched(14, { messages: [message({ task: done }), answer] }),
      messageCreated(11, message({ task: task() })),
      taskUpdated(12, running),
    );

    expect(seen(state).turns).toMatchObject([{ task: done, answer }]);
  });

  it("does not let a late fetch undo newer events", () => {
    const state = run(
      ...opened,
      ...conversation,
      fetched(12, { messages: [message({ task: running })] }),
    );

    expect(seen(state).turns).toMatchObject([{ task: done, answer }]);
  });

  it("fetches everything again after a gap", () => {
    const state = run(...opened, messageCreated(11, message()), messageCreated(15, answer));

    expect(state.generation).toBe(1);
    expect(state.position).toEqual({ epoch: "a", seq: 15 });
    expect(state.origin).toBe(15);
  });

  it("fetches again when the answer is older than the beginning of the stream", () => {
    const hello = { type: "hello", at, cursor: "a-20", heartbeat_ms: 1, retry_ms: 1 } as const;
    const state = run({ type: "thread.opened", sessionId: sid }, live(hello), fetched(10));

    expect(state.threads[sid]?.holes).toBe(1);
  });

  it("takes anything fetched for newer after a resync to another epoch", () => {
    const state = run(
      ...opened,
      ...conversation,
      live({ type: "resync", at, reason: "foreign_cursor", cursor: "b-3" }),
      fetched(3, { messages: [message({ id: "other" })] }, "b"),
    );

    expect(state.generation).toBe(1);
    expect(seen(state).turns).toMatchObject([{ user: { id: "other" }, answer: null }]);
  });

  it("does not bring a deleted message back by an older fetch", () => {
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

    expect(seen(state).turns).toEqual([]);
  });
});

describe("running text", () => {
  const started = [...opened, ...conversation.slice(0, 2)];

  it("drops overlaps by bytes, not by characters", () => {
    const state = run(...started, delta(0, "Grü"), delta(2, "üße!"));

    expect(seen(state).texts).toMatchObject([{ text: "Grüße!" }]);
  });

  it("joins deltas that come out of order, and asks for a fetch", () => {
    const state = run(...started, delta(0, "a"), delta(2, "c"), delta(1, "b"));

    expect(seen(state).texts).toMatchObject([{ text: "abc" }]);
    expect(state.threads[sid]?.holes).toBe(1);
  });

  it("ignores a lower attempt and starts afresh with a higher one", () => {
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

    expect(seen(state).texts).toEqual([
      { id: "task-1", attempt: 2, messageId: "answer-1", text: "second" },
    ]);
  });

  it("is replaced by a partial, which never shortens it", () => {
    const replaced = run(...started, delta(0, "ab"), partial("abcd"), delta(4, "e"));
    const kept = run(...started, delta(0, "abcd"), partial("ab"), delta(2, "cde"));

    expect(seen(replaced).texts).toMatchObject([{ text: "abcde" }]);
    expect(seen(kept).texts).toMatchObject([{ text: "abcde" }]);
  });

  it("ignores what comes after the end", () => {
    const state = run(...opened, ...conversation, delta(0, "late"), partial("late"));

    expect(seen(state).texts).toEqual([]);
  });

  it("comes from the fetch too, and joins the deltas that came before it", () => {
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

    expect(seen(state).texts).toMatchObject([{ text: "abcdef" }]);
  });

  it("has the same message id after an automatic retry, so that the bubble stays", () => {
    const state = run(
      ...started,
      delta(0, "one"),
      taskUpdated(13, task({ ...running, attempt: 2 })),
      delta(0, "two", 2),
      messageCreated(14, { ...answer, content: "two" }),
    );

    expect(seen(state).turns).toMatchObject([{ answer: { id: "answer-1", content: "two" } }]);
    expect(seen(state).texts).toEqual([]);
  });
});

describe("what a Stop is for", () => {
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

  it("is the running turn, and without one the first that waits", () => {
    expect(current(queue, { active_task: running, queued_count: 1 })).toBe("task-1");
    expect(current(queue, { queued_count: 2 })).toBe("task-1");
    expect(current(run(...opened, ...conversation))).toBeUndefined();
  });

  it("is not a later turn than one that was not fetched", () => {
    expect(current(queue, { queued_count: 3 })).toBeUndefined();
  });
});

describe("a chat that was begun here", () => {
  it("is there at once, and takes what comes before any fetch", () => {
    const begun = run(
      { type: "session.accepted", session: session() },
      { type: "thread.begun", sessionId: sid },
      messageCreated(11, message({ task: task() })),
    );

    expect(begun.threads[sid]?.isLoaded).toBe(true);
    expect(seen(begun).turns).toMatchObject([{ user: { content: "hi" } }]);
  });

  it("is not emptied when it was known already", () => {
    const state = run(...opened, ...conversation, { type: "thread.begun", sessionId: sid });

    expect(seen(state).turns).toHaveLength(1);
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

  it("go with their thread when deleted, and do not come back", () => {
    const state = run(
      ...opened,
      durable(11, { type: "session.deleted", at, chat_session_id: sid }),
      list(10, [session()]),
    );

    expect(seen(state).sessions).toEqual([]);
    expect(state.threads[sid]).toBeUndefined();
  });

  it("that are missing from a newer whole list have gone", () => {
    const state = run(list(10, [session(), session({ id: "other" })]), list(12, [session()]));

    expect(seen(state).sessions.map((item) => item.id)).toEqual([sid]);
  });

  it("further down than a page's last are kept", () => {
    const old = session({ id: "old", last_activity_at: "2025-01-01T00:00:00.000Z" });
    const state = run(list(10, [session(), old]), list(12, [session()], { isLast: false }));

    expect(seen(state).sessions.map((item) => item.id)).toEqual([sid, "old"]);
  });

  it("that are missing from a later page have gone, and what is above and below it stays", () => {
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

    expect(seen(state).sessions.map((item) => item.id)).toEqual(["top", "kept", "below"]);
  });

  it("that are unread further down are counted and do not end the list", () => {
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

  it("that are not among the unread any more were read", () => {
    const state = run(
      list(10, [session({ unread_count: 2 }), session({ id: "other", unread_count: 1 })]),
      unread(11, [session({ id: "other", unread_count: 4 })]),
    );

    expect(countUnread(state.sessions)).toBe(4);
  });

  it("are not set back by a late answer to a change", () => {
    const changed = session({ title: "New", updated_at: "2026-01-02T00:00:00.000Z" });
    const later = { ...changed, last_activity_at: "2026-01-02T00:00:01.000Z" };
    const state = run(
      ...opened,
      durable(11, { type: "session.updated", at, chat_session_id: sid, session: later }),
      { type: "session.accepted", session: changed },
    );

    expect(seen(state).sessions).toEqual([later]);
  });

  it("are ordered pinned first, then by activity", () => {
    const state = run(
      list(10, [
        session({ id: "a", last_activity_at: "2026-01-03T00:00:00.000Z" }),
        session({ id: "b", last_activity_at: "2026-01-02T00:00:00.000Z" }),
        session({ id: "c", pinned_at: at }),
      ]),
    );

    expect(seen(state).sessions.map((item) => item.id)).toEqual(["c", "a", "b"]);
  });
});

describe("pages of older messages", () => {
  it("survive a fetch that touches them and go after one that does not", () => {
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

    expect(seen(touching).turns.map((t) => t.user?.turn)).toEqual([1, 2, 3, 4, 5]);
    expect(touching.threads[sid]?.hasMore).toBe(false);
    expect(seen(apart).turns.map((t) => t.user?.turn)).toEqual([8, 9]);
    expect(apart.threads[sid]?.hasMore).toBe(true);
  });
});

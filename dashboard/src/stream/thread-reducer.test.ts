// @vitest-environment node
import { describe, expect, it } from "vitest";
import {
  makeMessage as message,
  makeSession as session,
  sid,
  makeTask as task,
} from "@/test-objects";
import type { Action } from "./state";
import { delta, fetched, messageCreated, partial, taskUpdated } from "./test-actions";
import { answer, conversation, opened, run, running, viewOf } from "./test-thread";

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

describe("excerpts", () => {
  const turn = (n: number) => message({ id: `m${n}`, turn: n, seq: n, task_id: `t${n}` });
  const newest = [...opened, fetched(10, { messages: [turn(8), turn(9)], has_more: true })];
  const page = (first: number, last: number, turns: readonly number[]): Action => ({
    type: "excerpt.fetched",
    sessionId: sid,
    generation: 0,
    fetchedAt: 10,
    range: { first, last },
    items: turns.map(turn),
  });
  const older = (beforeTurn: number, turns: readonly number[], hasMore: boolean): Action => ({
    type: "older.fetched",
    sessionId: sid,
    generation: 0,
    beforeTurn,
    items: turns.map(turn),
    hasMore,
  });
  const shown = (...actions: readonly Action[]) => {
    const state = run(...newest, ...actions);
    const { hasMore, firstTurn, excerpt } = state.threads[sid] ?? {};
    return { turns: viewOf(state).turns.map((t) => t.user?.turn), hasMore, firstTurn, excerpt };
  };

  it("are shown before a gap, can be extended, and are replaced by distant ones", () => {
    expect(shown(page(0, 2, [1, 2]))).toEqual({
      ...{ turns: [1, 2, 8, 9], hasMore: true, firstTurn: 8 },
      excerpt: { first: 0, last: 2 },
    });
    expect(shown(page(0, 2, [1, 2]), page(3, 4, [3, 4]))).toMatchObject({
      ...{ turns: [1, 2, 3, 4, 8, 9], excerpt: { first: 0, last: 4 } },
    });
    expect(shown(page(0, 2, [1, 2]), page(4, 5, [4, 5]))).toMatchObject({
      ...{ turns: [4, 5, 8, 9], excerpt: { first: 4, last: 5 } },
    });
  });

  it("become part of the newest turns once there is no gap", () => {
    const whole = { hasMore: false, firstTurn: 0, excerpt: null };
    expect(shown(page(0, 2, [1, 2]), page(3, 7, [3, 4, 5, 6, 7])).turns).toHaveLength(9);
    expect(shown(page(0, 2, [1, 2]), page(3, 7, [3]))).toMatchObject(whole);
    expect(shown(page(0, 2, [1, 2]), older(8, [3, 5], true))).toMatchObject(whole);
    expect(shown(page(0, Number.POSITIVE_INFINITY, [1]), older(8, [7], true))).toEqual({
      ...{ turns: [1, 7, 8, 9], ...whole },
    });
  });

  it("do not include changes to turns in the gap until these are fetched", () => {
    const edited = messageCreated(11, { ...turn(5), content: "edited" });
    expect(shown(page(0, 2, [1, 2]), edited).turns).toEqual([1, 2, 8, 9]);
    const state = run(...newest, page(0, 2, [1, 2]), edited, page(3, 5, [3, 4, 5]));
    expect(viewOf(state).turns.at(4)?.user?.content).toBe("edited");
  });

  it("include changes to their own turns", () => {
    const answered = { ...turn(2), id: "a2", role: "assistant" as const };
    const state = run(...newest, page(0, 2, [1, 2]), messageCreated(11, answered));
    expect(viewOf(state).turns.at(1)?.answer?.id).toBe("a2");
    const replaced = run(
      ...newest,
      ...[page(0, 2, [1, 2]), messageCreated(11, answered)],
      ...[page(4, 5, [4, 5]), page(1, 3, [1, 2, 3])],
    );
    expect(viewOf(replaced).turns.at(1)?.answer?.id).toBe("a2");
  });

  it("are ignored if events may have been missed since the request", () => {
    const refetched = fetched(12, { messages: [turn(8), turn(9)], has_more: true });
    expect(shown(refetched, page(0, 2, [1, 2])).turns).toEqual([8, 9]);
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

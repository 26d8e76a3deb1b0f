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

// @vitest-environment node
import { describe, expect, it } from "vitest";
import {
  at,
  makeMessage as message,
  makeSession as session,
  sid,
  makeTask as task,
} from "@/test-objects";
import { reduce } from "./reducer";
import { durable, fetched, live, messageCreated, taskUpdated } from "./test-actions";
import { answer, conversation, done, opened, run, running, viewOf } from "./test-thread";

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

describe("reduce", () => {
  it("does not overwrite a newer fetch with a late event", () => {
    const state = run(
      ...opened,
      fetched(14, { messages: [message({ task: done }), answer] }),
      messageCreated(11, message({ task: task() })),
      taskUpdated(12, running),
    );

    expect(viewOf(state).turns).toMatchObject([{ task: done, answer }]);
  });

  it("does not overwrite newer events with a late fetch", () => {
    const state = run(
      ...opened,
      ...conversation,
      fetched(12, { messages: [message({ task: running })] }),
    );

    expect(viewOf(state).turns).toMatchObject([{ task: done, answer }]);
  });

  it("increases the generation after a gap", () => {
    const state = run(...opened, messageCreated(11, message()), messageCreated(15, answer));

    expect(state.generation).toBe(1);
    expect(state.position).toEqual({ epoch: "a", seq: 15 });
    expect(state.origin).toBe(15);
  });

  it("requests another fetch of a thread that is older than the stream", () => {
    const hello = { type: "hello", at, cursor: "a-20", heartbeat_ms: 1, retry_ms: 1 } as const;
    const state = run({ type: "thread.opened", sessionId: sid }, live(hello), fetched(10));

    expect(state.threads[sid]?.gaps).toBe(1);
  });

  it("replaces the state after a resync to another epoch", () => {
    const state = run(
      ...opened,
      ...conversation,
      live({ type: "resync", at, reason: "foreign_cursor", cursor: "b-3" }),
      fetched(3, { messages: [message({ id: "other" })] }, "b"),
    );

    expect(state.generation).toBe(1);
    expect(viewOf(state).turns).toMatchObject([{ user: { id: "other" }, answer: null }]);
  });

  it("keeps an accepted message after a fetch from before it was sent", () => {
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

  it("does not restore a deleted message from an older fetch", () => {
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

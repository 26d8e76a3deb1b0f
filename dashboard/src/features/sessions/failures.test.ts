import { describe, expect, it } from "vitest";
import { makeAnswer, makeMessage, makeSession, makeTask } from "@/test-objects";
import { forgetSeenFailure, isUnseenFailure, noteSeenFailure } from "./failures";

const task = makeTask({ status: "failed", attempt: 1 });
const session = makeSession({ last_seq: 3, last_read_seq: 2 });
const turn = { task, user: makeMessage({ seq: 3 }), answer: null };

describe("isUnseenFailure", () => {
  it("is true for a failed turn after the read position", () => {
    expect(isUnseenFailure(session, turn, undefined)).toBe(true);
    expect(isUnseenFailure({ ...session, last_read_seq: 3 }, turn, undefined)).toBe(false);
    const partial = { ...turn, answer: makeAnswer({ seq: 4 }) };
    expect(isUnseenFailure({ ...session, last_read_seq: 3 }, partial, undefined)).toBe(true);
  });

  it("is false for other outcomes, a retry in progress, and archived sessions", () => {
    const stopped = { ...turn, task: makeTask({ status: "cancelled" }) };
    expect(isUnseenFailure(session, stopped, undefined)).toBe(false);
    expect(isUnseenFailure({ ...session, active_task: makeTask() }, turn, undefined)).toBe(false);
    expect(isUnseenFailure({ ...session, queued_count: 1 }, turn, undefined)).toBe(false);
    expect(isUnseenFailure({ ...session, status: "archived" }, turn, undefined)).toBe(false);
  });

  it("is false once seen on this device, and true after a retry that failed too", () => {
    const read = { ...session, last_read_seq: 3 };
    const again = { ...turn, task: { ...task, attempt: 2 } };

    expect(isUnseenFailure(session, turn, "task-1 1")).toBe(false);
    expect(isUnseenFailure(read, again, "task-1 1")).toBe(true);
    expect(isUnseenFailure(read, again, "task-0 1")).toBe(false);
  });
});

describe("noteSeenFailure", () => {
  it("stores the last failure of each session", () => {
    noteSeenFailure(task);
    noteSeenFailure({ ...task, attempt: 2 });

    expect(JSON.parse(localStorage.getItem("banter.seen-failures") ?? "")).toEqual({
      session: "task-1 2",
    });
  });

  it("forgets a session that was marked as read", () => {
    noteSeenFailure(task);
    forgetSeenFailure(task.chat_session_id);

    expect(localStorage.getItem("banter.seen-failures")).toBe("{}");
  });

  it("forgets the oldest sessions", () => {
    for (let number = 0; number < 250; number += 1)
      noteSeenFailure({ ...task, chat_session_id: `session-${number}` });

    const stored = JSON.parse(localStorage.getItem("banter.seen-failures") ?? "");
    expect(Object.keys(stored)).toHaveLength(200);
    expect(stored["session-249"]).toBe("task-1 1");
  });
});

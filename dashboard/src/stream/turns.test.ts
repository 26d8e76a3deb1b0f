// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Session } from "@/api/models";
import {
  makeMessage as message,
  makeSession as session,
  sid,
  makeTask as task,
} from "@/test-objects";
import type { State } from "./state";
import { messageCreated } from "./test-actions";
import { conversation, opened, run, running } from "./test-thread";
import { findCurrentTask } from "./turns";

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

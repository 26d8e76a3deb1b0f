// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Step, Task } from "@/api/models";
import { at, makeStep, makeTask, sid } from "@/test-objects";
import { reduce } from "./reducer";
import { type Action, initialState, type State } from "./state";
import { hello, taskStep, taskUpdated } from "./test-actions";

const isRunning = { status: "running", attempt: 1, started_at: at } as const;
const task = (over: Partial<Task> = {}) => makeTask({ ...isRunning, ...over });

function step(seq: number, revision: number, over: Partial<Step> = {}): Step {
  return makeStep({ seq, revision, tool_call_id: `call-${seq}`, title: `Tool ${seq}`, ...over });
}

function fetched(attempt: number, steps: Step[]): Action {
  return { type: "task.fetched", task: { ...task({ attempt }), steps } };
}

function run(...actions: readonly Action[]): State {
  return actions.reduce(reduce, initialState);
}

const steps = (state: State) => state.steps["task-1"]?.bySeq;

const running = [hello(10), taskUpdated(11, task())];
const done = task({ status: "succeeded", finished_at: at });
const last = [step(1, 5, { status: "succeeded" }), step(2, 6, { status: "failed" })];

describe("the steps of a task", () => {
  it("are the same from live events, after a reconnect, and from a fetch", () => {
    const live = run(
      ...running,
      taskStep(step(1, 1)),
      taskStep(step(2, 2)),
      taskStep(step(1, 3, { title: "Tool 1 continues" })),
      taskUpdated(12, done),
      ...last.map((value) => taskStep(value)),
    );
    const reconnected = run(
      ...running,
      taskStep(step(1, 1)),
      hello(11),
      ...[step(1, 3), step(2, 2)].map((value) => taskStep(value)),
      taskUpdated(12, done),
      ...last.map((value) => taskStep(value)),
    );
    const refetched = run(
      ...running,
      taskStep(step(1, 1)),
      hello(11),
      taskUpdated(12, done),
      fetched(1, last),
    );

    expect(steps(live)).toEqual({ 1: last[0], 2: last[1] });
    expect(reconnected.steps).toEqual(live.steps);
    expect(refetched.steps).toEqual(live.steps);
  });

  it("are the same when every event is duplicated, in any order", () => {
    const events = [step(1, 1), step(2, 2), ...last].map((value) => taskStep(value));

    const once = run(...running, ...events);
    const twice = run(...running, ...events, ...[...events].reverse());

    expect(twice.steps).toEqual(once.steps);
  });

  it("are not overwritten by an older fetch", () => {
    const state = run(
      ...running,
      taskStep(step(1, 7, { status: "succeeded" })),
      fetched(1, [step(1, 1)]),
    );

    expect(steps(state)?.[1]?.status).toBe("succeeded");
  });

  it("of an earlier attempt are discarded when a new attempt starts", () => {
    const state = run(
      ...running,
      taskStep(step(1, 1)),
      taskUpdated(12, task({ status: "queued" })),
      taskUpdated(13, task({ attempt: 2 })),
      taskStep(step(1, 3), 2),
      taskStep(step(2, 2), 1),
      fetched(1, [step(2, 2)]),
    );

    expect(steps(state)).toEqual({ 1: step(1, 3) });
  });

  it("are kept while the task waits for its next attempt and discarded by a manual retry", () => {
    const waiting = run(
      ...running,
      taskStep(step(1, 1)),
      taskUpdated(12, task({ status: "queued" })),
    );
    const retried = reduce(waiting, taskUpdated(13, task({ status: "queued", started_at: null })));

    expect(steps(waiting)).toEqual({ 1: step(1, 1) });
    expect(steps(retried)).toBeUndefined();
  });

  it("of a task that ended while disconnected are outdated until they are fetched", () => {
    const disconnected = run(...running, taskStep(step(1, 1)), hello(11), taskUpdated(12, done));

    expect(disconnected.steps["task-1"]?.isCurrent).toBe(false);

    const refetched = reduce(disconnected, fetched(1, last));

    expect(refetched.steps["task-1"]?.isCurrent).toBe(true);
    expect(steps(refetched)).toEqual({ 1: last[0], 2: last[1] });
  });

  it("are discarded when the session is deleted or the epoch changes", () => {
    const state = run(...running, taskStep(step(1, 1)));
    const event = { type: "session.deleted" as const, at, chat_session_id: sid };

    const gone = reduce(state, { type: "event", cursor: { epoch: "a", seq: 12 }, event });

    expect(gone.steps).toEqual({});
    expect(reduce(state, hello(3, "b")).steps).toEqual({});
  });
});

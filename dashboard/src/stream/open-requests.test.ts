// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Session, Step } from "@/api/models";
import { makeSession, makeStep, makeTask, sid } from "@/test-objects";
import { findOpenRequests, listUnknownRequesters } from "./open-requests";

const running = makeSession({ active_task: makeTask({ status: "running" }) });
const request = (over: Partial<Step> = {}) =>
  makeStep({ kind: "permission", status: "pending", ...over });

function source(session: Session | undefined, ...steps: readonly Step[]) {
  const bySeq = Object.fromEntries(steps.map((step) => [step.seq, step]));
  return {
    sessions: session ? { [session.id]: { seq: 1, value: session } } : {},
    steps: { "task-1": { sessionId: sid, attempt: 1, bySeq, isCurrent: true } },
  };
}

describe("findOpenRequests", () => {
  it("returns the oldest unanswered request", () => {
    const answered = request({ seq: 1, status: "succeeded" });
    const found = findOpenRequests(
      source(running, answered, request({ seq: 3, title: "later" }), request({ seq: 2 })),
    );

    expect(found[sid]?.step.seq).toBe(2);
    expect(found[sid]?.taskId).toBe("task-1");
  });

  it("ignores requests of tasks that are not running", () => {
    expect(findOpenRequests(source(makeSession(), request()))).toEqual({});
    const other = makeSession({ active_task: makeTask({ id: "task-2", status: "running" }) });
    expect(findOpenRequests(source(other, request()))).toEqual({});
  });

  it("returns the same object until a request changes", () => {
    const state = source(running, request());
    const found = findOpenRequests(state);

    expect(findOpenRequests({ ...state, sessions: { ...state.sessions } })).toBe(found);
    expect(findOpenRequests(source(running, request({ title: "other" })))).not.toBe(found);
  });
});

describe("listUnknownRequesters", () => {
  it("returns sessions that are not loaded, but not deleted ones", () => {
    const state = source(undefined, request());

    expect(listUnknownRequesters(state)).toEqual([sid]);
    expect(listUnknownRequesters(source(running, request()))).toEqual([]);
    const deleted = { [sid]: { seq: 2, value: null } };
    expect(listUnknownRequesters({ ...state, sessions: deleted })).toEqual([]);
  });
});

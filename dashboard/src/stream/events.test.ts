// @vitest-environment node
import { describe, expect, it } from "vitest";
import { at, makeSession, makeStep, makeTask, sid } from "@/test-objects";
import { eventTypes, parseEvent } from "./events";

const parse = (event: unknown) => parseEvent(JSON.stringify(event));
const about = { at, chat_session_id: sid };

describe("parseEvent", () => {
  it("returns an event as it was sent", () => {
    const event = { ...about, type: "task.updated", session: makeSession(), task: makeTask() };
    expect(parse(event)).toEqual(event);
  });

  it("ignores fields and events that a newer server adds", () => {
    const session = { ...makeSession(), color: "red" };
    const event = { ...about, type: "session.updated", session, reason: "renamed" };

    expect(parse(event)).toMatchObject({ type: "session.updated", session: { title: "Hello" } });
    expect(parse({ ...about, type: "session.painted" })).toBeNull();
  });

  it("accepts an unknown error code", () => {
    const error = { code: "agent_asleep", message: "Zzz", retryable: true };
    const task = { ...makeTask(), error };
    expect(parse({ ...about, type: "task.updated", session: makeSession(), task })).toMatchObject({
      task: { error },
    });
  });

  it("accepts a step whose detail is not an object", () => {
    const step = { ...makeStep(), detail: null };
    const event = { ...about, type: "task.step", task_id: "task-1", attempt: 1, step };
    expect(parse(event)).toMatchObject({ step: { title: "cargo test", detail: {} } });
  });

  it("rejects an event without its session", () => {
    expect(parse({ at, type: "session.deleted" })).toBeNull();
    expect(parse({ ...about, type: "session.updated", session: { id: sid } })).toBeNull();
    expect(parseEvent("{")).toBeNull();
  });

  it("lists all event types", () => {
    expect(eventTypes).toContain("heartbeat");
    expect(eventTypes).toContain("task.step");
  });
});

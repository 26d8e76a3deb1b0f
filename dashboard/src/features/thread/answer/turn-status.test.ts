// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Step, Task } from "@/api/models";
import { makeStep, makeTask } from "@/test-objects";
import { describeTurn } from "./turn-status";

const now = Date.parse("2026-01-01T00:01:00.000Z");
const running = makeTask({
  status: "running",
  attempt: 1,
  started_at: "2026-01-01T00:00:30.000Z",
});
const tool = makeStep();

function describeWith(over: Partial<Parameters<typeof describeTurn>[0]>) {
  const status = describeTurn({
    task: running,
    hasText: false,
    steps: [],
    typing: undefined,
    isConnected: true,
    isStopping: false,
    nowMs: now,
    ...over,
  });
  return status?.text;
}

describe("describeTurn", () => {
  it("returns the current activity", () => {
    const queued: Task = { ...running, status: "queued", started_at: null };

    expect(describeWith({ task: queued })).toBe("Waiting for a free worker");
    expect(describeWith({})).toBe("Starting");
    expect(describeWith({ steps: [tool] })).toBe("Running: cargo test");
    expect(describeWith({ steps: [{ ...tool, status: "succeeded" }] })).toBe("Thinking");
    expect(describeWith({ hasText: true })).toBe("Answering");
    expect(describeWith({ isStopping: true })).toBe("Stopping");
    expect(describeWith({ task: { ...running, status: "succeeded" } })).toBeUndefined();
  });

  it("returns the reason for a retry and the remaining time", () => {
    const task: Task = {
      ...running,
      status: "queued",
      error: { code: "agent_overloaded", message: "529", retryable: true },
      next_attempt_at: "2026-01-01T00:01:04.000Z",
    };

    expect(describeWith({ task })).toBe("The agent is overloaded. Retrying in 4s.");
    expect(describeWith({ task, nowMs: now + 10_000 })).toBe("The agent is overloaded. Retrying…");
  });

  it("reports an open permission request", () => {
    const request: Step = { ...tool, seq: 2, kind: "permission", status: "pending" };

    expect(describeWith({ steps: [tool, request] })).toBe("Waiting for your permission");
  });

  it("reports a silent worker and a lost connection", () => {
    const typing = { taskId: running.id, expiresAt: "2026-01-01T00:00:50.000Z" };

    expect(describeWith({ typing })).toBe("Worker not responding. Another one will take over.");
    expect(describeWith({ isConnected: false })).toBe(
      "Connection lost. The agent is still working.",
    );
  });
});

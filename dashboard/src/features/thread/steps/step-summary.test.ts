// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Step } from "@/api/models";
import { makeStep, makeTask } from "@/test-objects";
import { countFailed, findStatus, summarizeSteps, titleStep } from "./step-summary";

const tool = (tool_kind: string, over: Partial<Step> = {}) =>
  makeStep({ status: "succeeded", detail: { tool_kind, input: null, output: null }, ...over });
const permission = (decision: string, decided_by: string) =>
  makeStep({
    kind: "permission",
    status: decision === "allow" ? "succeeded" : "rejected",
    detail: { request_id: "r", options: [], expires_at: "", decision, decided_by },
  });
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, seconds)).toISOString();

describe("findStatus", () => {
  const failed = (ended_at: string | null) => makeStep({ status: "failed", ended_at });
  const stoppedAt = (finished_at: string) => makeTask({ status: "cancelled", finished_at });

  it("distinguishes steps that were stopped with their turn from those that failed before", () => {
    expect(findStatus(failed(at(9)), stoppedAt(at(10)))).toBe("stopped");
    expect(
      findStatus(failed(at(10)), makeTask({ status: "interrupted", finished_at: at(10) })),
    ).toBe("stopped");
    expect(findStatus(failed(at(2)), stoppedAt(at(10)))).toBe("failed");
  });

  it("assumes that a step without times was stopped with its turn", () => {
    expect(findStatus(failed(null), stoppedAt(at(10)))).toBe("stopped");
  });

  it("keeps other statuses, and failures in other turns", () => {
    expect(findStatus(failed(at(9)), makeTask({ status: "failed", finished_at: at(10) }))).toBe(
      "failed",
    );
    expect(findStatus(failed(at(9)), makeTask({ status: "running" }))).toBe("failed");
    expect(findStatus(failed(at(9)), null)).toBe("failed");
    expect(findStatus(tool("read"), stoppedAt(at(10)))).toBe("succeeded");
  });
});

describe("titleStep", () => {
  const thought = (over: Partial<Step>) =>
    makeStep({ kind: "thought", title: "Thought", status: "succeeded", ...over });

  it("includes the duration of a thought", () => {
    expect(titleStep(thought({ started_at: at(0), ended_at: at(4) }))).toBe("Thought for 4s");
    expect(titleStep(thought({ started_at: at(4), ended_at: at(4) }))).toBe("Thought");
    expect(titleStep(thought({ started_at: null, ended_at: null }))).toBe("Thought");
    expect(titleStep(thought({ started_at: at(0), status: "running" }))).toBe("Thinking…");
  });

  it("returns the title of a tool call and the outcome of a permission request", () => {
    expect(titleStep(tool("execute"))).toBe("cargo test");
    expect(titleStep(permission("allow", "user"))).toBe("Allowed: cargo test");
  });
});

describe("summarizeSteps", () => {
  it("counts steps by kind", () => {
    const steps = [
      makeStep({ kind: "thought", status: "succeeded" }),
      tool("read"),
      tool("read"),
      permission("allow", "user"),
      tool("execute"),
      tool("unheard_of"),
      tool("constructor"),
    ];

    expect(summarizeSteps(steps)).toBe("thought, read 2 files, ran 1 command, used 2 tools");
  });

  it("omits pending tool calls", () => {
    expect(summarizeSteps([tool("execute", { status: "pending" })])).toBe("");
  });

  it("omits rejected tool calls and counts expired requests", () => {
    const refused = [tool("execute", { status: "rejected" }), permission("reject", "time_limit")];

    expect(summarizeSteps(refused)).toBe("1 request expired");
  });
});

describe("countFailed", () => {
  it("omits steps that were stopped with their turn", () => {
    const steps = [
      tool("read"),
      tool("execute", { status: "failed", ended_at: at(1) }),
      tool("execute", { status: "failed", ended_at: at(10) }),
    ];

    expect(countFailed(steps, makeTask({ status: "failed", finished_at: at(10) }))).toBe(2);
    expect(countFailed(steps, makeTask({ status: "cancelled", finished_at: at(10) }))).toBe(1);
  });
});

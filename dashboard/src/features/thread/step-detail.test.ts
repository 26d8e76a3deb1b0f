// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Step } from "@/api/models";
import { makeStep } from "@/test-objects";
import {
  describeDetail,
  describeOutcome,
  findOutcome,
  formatInput,
  summariseSteps,
} from "./step-detail";

const tool = (tool_kind: string, over: Partial<Step> = {}) =>
  makeStep({ status: "succeeded", detail: { tool_kind, input: null, output: null }, ...over });
const permission = (decision: string, decided_by: string) =>
  makeStep({
    kind: "permission",
    status: decision === "allow" ? "succeeded" : "rejected",
    detail: { request_id: "r", options: [], expires_at: "", decision, decided_by },
  });

describe("the input of a tool", () => {
  it("is the command where there is one", () => {
    expect(formatInput({ command: "wc poem.txt", description: "May I?" })).toBe("wc poem.txt");
    expect(formatInput({ command: ["wc", "poem.txt"] })).toBe("wc poem.txt");
  });

  it("is told by its names, and as JSON where it is deeper", () => {
    expect(formatInput({ path: "a.rs", line: 3 })).toBe("path: a.rs\nline: 3");
    expect(formatInput({ edits: [{ old: "a" }] })).toContain('"old": "a"');
    expect(formatInput("as it is\n")).toBe("as it is");
    for (const nothing of [null, undefined, {}, 5]) expect(formatInput(nothing)).toBe("");
  });
});

describe("what a step shows when it is opened", () => {
  it("is the thought, the call or the plan", () => {
    const thought = makeStep({ kind: "thought", detail: { text: " Let me see.\n" } });
    const call = tool("execute", {
      detail: { tool_kind: "execute", input: { command: "ls" }, output: "a\nb\n" },
    });
    const entries = [{ content: "Look", status: "completed", priority: "medium" }];

    expect(describeDetail(thought)).toEqual({ text: "Let me see." });
    expect(describeDetail(call)).toEqual({ input: "ls", output: "a\nb" });
    expect(describeDetail(makeStep({ kind: "plan", detail: { entries } }))).toEqual({
      entries: [{ content: "Look", status: "completed" }],
    });
  });

  it("is nothing where there is no more than a title, or what is there makes no sense", () => {
    expect(describeDetail(tool("read"))).toBeNull();
    expect(describeDetail(makeStep({ kind: "thought", detail: { text: "  " } }))).toBeNull();
    expect(describeDetail(makeStep({ kind: "plan", detail: { entries: "?" } }))).toBeNull();
    expect(describeDetail(makeStep({ detail: { output: 5 } }))).toBeNull();
  });
});

describe("the end of a permission request", () => {
  it("says who ended it", () => {
    expect(findOutcome(makeStep({ kind: "permission", status: "pending" }))).toBeNull();
    expect(findOutcome(permission("allow", "user"))).toBe("allowed");
    expect(findOutcome(permission("reject", "user"))).toBe("rejected");
    expect(findOutcome(permission("reject", "time_limit"))).toBe("expired");
    expect(findOutcome(permission("reject", "withdrawn"))).toBe("withdrawn");
    expect(findOutcome(makeStep({ kind: "permission", status: "rejected" }))).toBe("rejected");
  });
});

describe("the words for the end of a permission request", () => {
  it("name the option that the user chose", () => {
    const options = [
      { option_id: "a", name: "SQLite", kind: "allow_once" },
      { option_id: "b", name: "PostgreSQL", kind: "allow_once" },
    ];
    const detail = { options, chosen: "b", decision: "allow", decided_by: "user" };
    const asked = { kind: "permission", title: "Which database?" } as const;

    expect(describeOutcome(makeStep({ ...asked, status: "succeeded", detail }))).toBe(
      "Allowed: Which database? · PostgreSQL",
    );
    expect(describeOutcome(makeStep({ ...asked, status: "rejected", detail: {} }))).toBe(
      "Rejected: Which database?",
    );
    expect(describeOutcome(makeStep({ ...asked, status: "pending" }))).toBeNull();
  });
});

describe("all steps in a line", () => {
  it("counts what was done", () => {
    const steps = [
      makeStep({ kind: "thought", status: "succeeded" }),
      tool("read"),
      tool("read"),
      permission("allow", "user"),
      tool("execute"),
      tool("unheard_of"),
    ];

    expect(summariseSteps(steps)).toBe("thought, read 2 files, ran 1 command, used 1 tool");
  });

  it("does not call done what has not begun", () => {
    expect(summariseSteps([tool("execute", { status: "pending" })])).toBe("");
  });

  it("does not call done what was not allowed", () => {
    const refused = [tool("execute", { status: "rejected" }), permission("reject", "time_limit")];

    expect(summariseSteps(refused)).toBe("1 request expired");
  });
});

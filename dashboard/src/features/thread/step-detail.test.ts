// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Step } from "@/api/models";
import { makeStep } from "@/test-objects";
import {
  describeDetail,
  describeOutcome,
  findOutcome,
  formatInput,
  summarizeSteps,
} from "./step-detail";

const tool = (tool_kind: string, over: Partial<Step> = {}) =>
  makeStep({ status: "succeeded", detail: { tool_kind, input: null, output: null }, ...over });
const permission = (decision: string, decided_by: string) =>
  makeStep({
    kind: "permission",
    status: decision === "allow" ? "succeeded" : "rejected",
    detail: { request_id: "r", options: [], expires_at: "", decision, decided_by },
  });

describe("formatInput", () => {
  it("returns the command, if there is one", () => {
    expect(formatInput({ command: "wc poem.txt", description: "May I?" })).toBe("wc poem.txt");
    expect(formatInput({ command: ["wc", "poem.txt"] })).toBe("wc poem.txt");
  });

  it("returns the fields by name, or JSON for nested input", () => {
    expect(formatInput({ path: "a.rs", line: 3 })).toBe("path: a.rs\nline: 3");
    expect(formatInput({ edits: [{ old: "a" }] })).toContain('"old": "a"');
    expect(formatInput("as it is\n")).toBe("as it is");
    for (const nothing of [null, undefined, {}, 5]) expect(formatInput(nothing)).toBe("");
  });
});

describe("describeDetail", () => {
  it("returns the thought, the tool call, or the plan", () => {
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

  it("returns null for missing or malformed details", () => {
    expect(describeDetail(tool("read"))).toBeNull();
    expect(describeDetail(makeStep({ kind: "thought", detail: { text: "  " } }))).toBeNull();
    expect(describeDetail(makeStep({ kind: "plan", detail: { entries: "?" } }))).toBeNull();
    expect(describeDetail(makeStep({ detail: { output: 5 } }))).toBeNull();
  });
});

describe("findOutcome", () => {
  it("returns who decided", () => {
    expect(findOutcome(makeStep({ kind: "permission", status: "pending" }))).toBeNull();
    expect(findOutcome(permission("allow", "user"))).toBe("allowed");
    expect(findOutcome(permission("reject", "user"))).toBe("rejected");
    expect(findOutcome(permission("reject", "time_limit"))).toBe("expired");
    expect(findOutcome(permission("reject", "withdrawn"))).toBe("withdrawn");
    expect(findOutcome(makeStep({ kind: "permission", status: "rejected" }))).toBe("rejected");
  });
});

describe("describeOutcome", () => {
  it("includes the chosen option", () => {
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

describe("summarizeSteps", () => {
  it("counts steps by kind", () => {
    const steps = [
      makeStep({ kind: "thought", status: "succeeded" }),
      tool("read"),
      tool("read"),
      permission("allow", "user"),
      tool("execute"),
      tool("unheard_of"),
    ];

    expect(summarizeSteps(steps)).toBe("thought, read 2 files, ran 1 command, used 1 tool");
  });

  it("omits pending tool calls", () => {
    expect(summarizeSteps([tool("execute", { status: "pending" })])).toBe("");
  });

  it("omits rejected tool calls and counts expired requests", () => {
    const refused = [tool("execute", { status: "rejected" }), permission("reject", "time_limit")];

    expect(summarizeSteps(refused)).toBe("1 request expired");
  });
});

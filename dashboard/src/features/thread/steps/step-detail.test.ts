// @vitest-environment node
import { describe, expect, it } from "vitest";
import { makeStep } from "@/test-objects";
import { describeDetail, formatInput, isInTitle, parsePlan, parseToolCall } from "./step-detail";

const diff = { path: "a.txt", patch: "@@ -1 +1 @@\n-a\n+b\n", additions: 1, deletions: 1 };

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

describe("isInTitle", () => {
  it("recognizes the input in the title", () => {
    expect(isInTitle("pytest -q", "pytest -q")).toBe(true);
    expect(isInTitle("pytest -q", "`pytest -q`")).toBe(true);
    expect(isInTitle("pytest -q", "Run `pytest -q`")).toBe(true);
    expect(isInTitle("echo `date`", "echo `date`")).toBe(true);
    expect(isInTitle("url: https://docs.pytest.org/", "Fetch https://docs.pytest.org/")).toBe(true);
  });

  it("requires the title to show the entire input", () => {
    expect(isInTitle("rm -rf target", "Run rm")).toBe(false);
    expect(isInTitle("rm -rf target\nls", "rm -rf target")).toBe(false);
    expect(isInTitle("path: a.txt\nline: 3", "Read a.txt")).toBe(false);
    expect(isInTitle("path: a", "Read a file")).toBe(false);
    expect(isInTitle("rm x\r\u001b[2Kls", "rm x ls")).toBe(false);
  });
});

describe("parseToolCall", () => {
  it("returns the input and the changes to files", () => {
    const call = { input: { command: "ls" }, output: "a\n", diffs: [diff] };

    expect(parseToolCall(makeStep({ title: "ls", detail: call }))).toEqual({
      input: "ls",
      output: "a",
      diffs: [diff],
    });
    expect(parseToolCall(makeStep({ kind: "plan", detail: call }))).toBeNull();
  });

  it("omits input that repeats the changes", () => {
    const input = { path: "a.txt", old_string: "a", new_string: "b" };

    expect(parseToolCall(makeStep({ detail: { input, diffs: [diff] } }))?.input).toBe("");
    expect(parseToolCall(makeStep({ detail: { input } }))?.input).toContain("old_string: a");
  });

  it("ignores malformed changes", () => {
    const detail = { output: "a", diffs: [{ path: 5 }] };

    expect(parseToolCall(makeStep({ detail }))).toEqual({ input: "", output: "a", diffs: [] });
  });
});

describe("parsePlan", () => {
  it("returns the entries without control sequences", () => {
    const entries = [{ content: "\u001b[1mLook\u001b[0m", status: "pending" }];

    expect(parsePlan(makeStep({ kind: "plan", detail: { entries } }))).toEqual([
      { content: "Look", status: "pending" },
    ]);
    expect(parsePlan(makeStep({ kind: "tool", detail: { entries } }))).toEqual([]);
  });
});

describe("describeDetail", () => {
  it("returns the thought, the notice, the tool call, or the plan", () => {
    const thought = makeStep({ kind: "thought", detail: { text: " **Let** me \u001b[1msee.\n" } });
    const notice = makeStep({ kind: "notice", detail: { text: "Compacted" } });
    const call = makeStep({ detail: { input: { command: "ls" }, output: "a\nb\n" } });
    const entries = [{ content: "Look", status: "completed", priority: "medium" }];

    expect(describeDetail(thought)).toEqual({ thought: "**Let** me see." });
    expect(describeDetail(notice)).toEqual({ notice: "Compacted" });
    expect(describeDetail(call)).toEqual({ input: "ls", output: "a\nb" });
    expect(describeDetail(makeStep({ kind: "plan", detail: { entries } }))).toEqual({
      entries: [{ content: "Look", status: "completed" }],
    });
  });

  it("omits input that is in the title", () => {
    const call = makeStep({ title: "ls", detail: { input: { command: "ls" }, output: "a" } });

    expect(describeDetail(call)).toEqual({ output: "a" });
    expect(describeDetail({ ...call, detail: { input: { command: "ls" } } })).toBeNull();
  });

  it("returns null for missing or malformed details", () => {
    expect(describeDetail(makeStep({ detail: { tool_kind: "read" } }))).toBeNull();
    expect(describeDetail(makeStep({ kind: "thought", detail: { text: "  " } }))).toBeNull();
    expect(describeDetail(makeStep({ kind: "plan", detail: { entries: "?" } }))).toBeNull();
    expect(describeDetail(makeStep({ detail: { output: 5 } }))).toBeNull();
  });
});

// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Step } from "@/api/models";
import { makeStep } from "@/test-objects";
import { readShortRequest } from "./short-request";

const once = { option_id: "y", name: "Allow", kind: "allow_once" };
const no = { option_id: "n", name: "Reject", kind: "reject_once" };

function open(over: { title?: string; options?: object[]; tool?: Partial<Step>; more?: Step[] }) {
  const { options = [once, no], title = "Delete the branch" } = over;
  const detail = { request_id: "r1", options, expires_at: "2026-01-01T00:05:00.000Z" };
  const step = makeStep({ seq: 2, kind: "permission", status: "pending", title, detail });
  const tool = makeStep({ detail: { input: { command: "git branch -D x" } }, ...over.tool });
  const all = [tool, step, ...(over.more ?? [])];
  return readShortRequest({
    taskId: "task-1",
    step,
    steps: Object.fromEntries(all.map((one) => [one.seq, one])),
  });
}

describe("readShortRequest", () => {
  it("returns the input and the choices", () => {
    const request = open({});

    expect(request?.requestId).toBe("r1");
    expect(request?.input).toBe("git branch -D x");
    expect(request?.choices.map(({ name, look }) => [name, look])).toEqual([
      ["Allow", "yes"],
      ["Reject", "no"],
    ]);
  });

  it("returns the given request even if there are newer ones", () => {
    const detail = { request_id: "r2", options: [once], expires_at: "2026-01-01T00:05:00.000Z" };
    const newer = makeStep({ seq: 3, kind: "permission", status: "pending", detail });

    expect(open({ more: [newer] })?.requestId).toBe("r1");
  });

  it("returns null if the list cannot show everything", () => {
    expect(open({ title: "x".repeat(121) })).toBeNull();
    expect(open({ tool: { detail: { input: { command: "a\nb\nc\nd\ne" } } } })).toBeNull();
    expect(open({ tool: { detail: { input: "x", output: "-old\n+new" } } })).toBeNull();
    expect(open({ tool: { detail: { input: "x", diffs: [{ path: "a" }] } } })).toBeNull();
    expect(open({ tool: { detail: { input: "x", is_truncated: true } } })).toBeNull();
    expect(open({ options: [{ ...once, name: "x".repeat(25) }] })).toBeNull();
    const many = ["a", "b", "c", "d"].map((id) => ({ ...once, option_id: id, name: id }));
    expect(open({ options: many })).toBeNull();
  });

  it("returns null for a malformed request", () => {
    const step = makeStep({ seq: 2, kind: "permission", status: "pending", detail: {} });

    expect(readShortRequest({ taskId: "task-1", step, steps: { 2: step } })).toBeNull();
  });
});

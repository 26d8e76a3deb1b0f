// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Step } from "@/api/models";
import { makeStep } from "@/test-objects";
import { findOpenRequest, listChoices } from "./permission";

const request = {
  request_id: "r",
  options: [{ option_id: "y", name: "Allow once", kind: "allow_once" }],
  expires_at: "2026-01-31T12:00:00.000Z",
};

function step(change: Partial<Step>): Step {
  return makeStep({
    kind: "permission",
    title: "Run it?",
    status: "pending",
    detail: request,
    ...change,
  });
}

describe("findOpenRequest", () => {
  it("returns the pending request", () => {
    const answered = step({ seq: 1, status: "succeeded", title: "Before?" });
    expect(findOpenRequest([answered, step({ seq: 2 })])).toEqual({
      ...request,
      title: "Run it?",
      input: null,
      diffs: [],
    });
  });

  it("returns a request without a time limit", () => {
    for (const expires_at of [null, undefined])
      expect(
        findOpenRequest([step({ detail: { ...request, expires_at } })])?.expires_at,
      ).toBeNull();
  });

  it("includes the changes that the tool call would make", () => {
    const diffs = [{ path: "a.txt", patch: "@@ -1 +1 @@\n-a\n+b\n", additions: 1, deletions: 1 }];
    const input = { path: "a.txt", old_string: "a", new_string: "b" };
    const tool = makeStep({ status: "pending", detail: { input, diffs } });

    expect(findOpenRequest([tool, step({ seq: 2 })])).toMatchObject({ input: null, diffs });
  });

  it("includes the input of the tool call", () => {
    const tool = makeStep({ status: "pending", detail: { input: { command: "rm -rf target" } } });

    expect(findOpenRequest([tool, step({ seq: 2 })])?.input).toBe("rm -rf target");
    expect(findOpenRequest([{ ...tool, title: "rm -rf target" }, step({ seq: 2 })])?.input).toBe(
      "rm -rf target",
    );
  });

  it("returns null without a request or after it was answered", () => {
    expect(findOpenRequest([])).toBeNull();
    expect(findOpenRequest([step({ kind: "tool" })])).toBeNull();
    for (const status of ["succeeded", "rejected", "failed"] as const)
      expect(findOpenRequest([step({ status })])).toBeNull();
  });

  it("returns null for a malformed request", () => {
    expect(findOpenRequest([step({ detail: {} })])).toBeNull();
    expect(
      findOpenRequest([step({ detail: { ...request, options: [{ name: "?" }] } })]),
    ).toBeNull();
  });
});

describe("listChoices", () => {
  const once = { option_id: "once", name: "Allow once", kind: "allow_once" };
  const always = { option_id: "always", name: "Always allow", kind: "allow_always" };
  const no = { option_id: "no", name: "Not now", kind: "reject_once" };
  const never = { option_id: "never", name: "Never", kind: "reject_always" };
  const odd = { option_id: "odd", name: "Explain first", kind: "explain" };
  const another = { option_id: "b", name: "PostgreSQL", kind: "allow_once" };
  const decline = { name: "Reject", answer: { decision: "reject" }, look: "no" };
  const choices = (...options: readonly (typeof once)[]) => {
    const found = findOpenRequest([step({ detail: { ...request, options } })]);
    return found && listChoices(found);
  };
  const choice = (option: typeof once, look: string) => ({
    name: option.name,
    answer: { option_id: option.option_id },
    look,
  });

  it("returns the agent's options in order", () => {
    expect(choices(no, once, always, never)).toEqual([
      choice(no, "no"),
      choice(once, "yes"),
      choice(always, "option"),
      choice(never, "no"),
    ]);
    expect(choices(always, odd, no)).toEqual([
      choice(always, "yes"),
      choice(odd, "option"),
      choice(no, "no"),
    ]);
  });

  it("adds a rejection if no option rejects", () => {
    expect(choices(once, another)).toEqual([
      choice(once, "option"),
      choice(another, "option"),
      decline,
    ]);
    expect(choices(odd)).toEqual([choice(odd, "option"), decline]);
    expect(choices()).toEqual([decline]);
  });

  it("uses the option id for an empty name", () => {
    expect(choices({ ...no, name: " " })?.[0]?.name).toBe("no");
  });
});

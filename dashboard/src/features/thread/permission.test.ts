// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Step } from "@/api/models";
import { makeStep } from "@/test-resources";
import { findOpenRequest } from "./permission";

const request = {
  request_id: "r",
  options: [{ decision: "allow", name: "Allow once" }],
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

describe("the open permission request", () => {
  it("is the one that waits", () => {
    const answered = step({ seq: 1, status: "succeeded", title: "Before?" });
    expect(findOpenRequest([answered, step({ seq: 2 })])).toEqual({
      ...request,
      title: "Run it?",
      input: null,
    });
  });

  it("says what the tool would be called with", () => {
    const tool = makeStep({ status: "pending", detail: { input: { command: "rm -rf target" } } });

    expect(findOpenRequest([tool, step({ seq: 2 })])?.input).toBe("rm -rf target");
  });

  it("is none once it was answered, or when nothing was asked", () => {
    expect(findOpenRequest([])).toBeNull();
    expect(findOpenRequest([step({ kind: "tool" })])).toBeNull();
    for (const status of ["succeeded", "rejected", "failed"] as const)
      expect(findOpenRequest([step({ status })])).toBeNull();
  });

  it("is none when nobody could answer it", () => {
    expect(findOpenRequest([step({ detail: {} })])).toBeNull();
    expect(
      findOpenRequest([step({ detail: { ...request, options: [{ name: "?" }] } })]),
    ).toBeNull();
  });
});

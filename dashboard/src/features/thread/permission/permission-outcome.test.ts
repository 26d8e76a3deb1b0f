// @vitest-environment node
import { describe, expect, it } from "vitest";
import { makeStep } from "@/test-objects";
import { describeOutcome, findOutcome } from "./permission-outcome";

const permission = (decision: string, decided_by: string) =>
  makeStep({
    kind: "permission",
    status: decision === "allow" ? "succeeded" : "rejected",
    detail: { request_id: "r", options: [], expires_at: "", decision, decided_by },
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
  const asked = { kind: "permission", title: "Which database?" } as const;
  const choose = (chosen: string, name: string) =>
    makeStep({
      ...asked,
      status: "succeeded",
      detail: {
        options: [
          { option_id: "a", name: "SQLite", kind: "allow_once" },
          { option_id: "b", name, kind: "allow_once" },
        ],
        chosen,
        decision: "allow",
        decided_by: "user",
      },
    });

  it("includes the chosen option", () => {
    expect(describeOutcome(choose("b", "PostgreSQL"))).toBe(
      "Allowed: Which database? · PostgreSQL",
    );
    expect(describeOutcome(makeStep({ ...asked, status: "rejected", detail: {} }))).toBe(
      "Rejected: Which database?",
    );
    expect(describeOutcome(makeStep({ ...asked, status: "pending" }))).toBeNull();
  });

  it("omits control sequences in the name of the option", () => {
    expect(describeOutcome(choose("b", "\u001b[1mPostgreSQL\u001b[0m"))).toBe(
      "Allowed: Which database? · PostgreSQL",
    );
  });
});

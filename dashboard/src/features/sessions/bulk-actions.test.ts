import { describe, expect, it } from "vitest";
import { ApiError } from "@/api/client";
import { makeSession } from "@/test-objects";
import { describeResult } from "./bulk-actions";

const [one, two] = [makeSession({ title: "One" }), makeSession({ id: "2", title: "" })];
const error = new ApiError(0, "network", "");
const reason = "Can’t reach the server. Try again in a moment.";

describe("describeResult", () => {
  it("returns what was done", () => {
    expect(describeResult("archive", { done: [one], failed: [] })).toBe("1 chat archived");
    expect(describeResult("read", { done: [one, two], failed: [] })).toBe("2 chats marked as read");
  });

  it("names the only chat that failed, and counts several", () => {
    const failed = [{ session: one, error }];
    expect(describeResult("delete", { done: [two], failed })).toBe(
      `1 chat deleted. Couldn’t delete “One”. ${reason}`,
    );
    const both = [...failed, { session: two, error }];
    expect(describeResult("restore", { done: [], failed: both })).toBe(
      `Couldn’t restore 2 chats. ${reason}`,
    );
  });
});

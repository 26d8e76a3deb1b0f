// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Turn } from "@/stream/turns";
import { makeMessage } from "@/test-objects";
import { createRowKeys } from "./row-keys";

const turn: Turn = { turn: 3, user: makeMessage({ id: "m", turn: 3 }), answer: null };
const none = () => undefined;

describe("createRowKeys", () => {
  it("keeps the key of the pending message after it was delivered", () => {
    const keys = createRowKeys();

    expect(keys.keyOf(turn, () => "pending")).toBe("pending");
    expect(keys.keyOf(turn, none)).toBe("pending");
  });

  it("does not change the key of a row that was shown before the response to its message", () => {
    const keys = createRowKeys();

    expect(keys.keyOf(turn, none)).toBe(3);
    expect(keys.keyOf(turn, () => "pending")).toBe(3);
  });
});

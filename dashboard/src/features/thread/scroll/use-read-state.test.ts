import { describe, expect, it } from "vitest";
import { makeAnswer, makeMessage } from "@/test-objects";
import { buildTurnRows } from "../turn-rows";
import { findSeenSeq } from "./use-read-state";

const turns = [1, 2, 3].map((turn) => ({
  turn,
  user: makeMessage({ turn, seq: 2 * turn - 1 }),
  answer: turn < 3 ? makeAnswer({ turn, seq: 2 * turn }) : null,
}));
const rows = buildTurnRows(turns, {}, Number.POSITIVE_INFINITY);
const items = rows.map((_, index) => ({ index, end: 300 * (index + 1) }));

describe("findSeenSeq", () => {
  it("returns the last answer whose end is above the bottom of the view", () => {
    expect(findSeenSeq(rows, items, 200)).toBe(0);
    expect(findSeenSeq(rows, items, 300)).toBe(2);
    expect(findSeenSeq(rows, items, 559)).toBe(2);
    expect(findSeenSeq(rows, items, 560), "the line below the answer may be hidden").toBe(4);
    expect(findSeenSeq(rows, items, 2000), "the third turn has no answer").toBe(4);
  });

  it("ignores rows that are not turns", () => {
    expect(findSeenSeq(rows, [...items, { index: 3, end: 1000 }], 2000)).toBe(4);
    expect(findSeenSeq([], [], 2000)).toBe(0);
  });
});

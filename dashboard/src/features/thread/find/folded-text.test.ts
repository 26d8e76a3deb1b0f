// @vitest-environment node
import { describe, expect, it } from "vitest";
import { findAll, fold } from "./folded-text";

const matches = (text: string, query: string) =>
  findAll(text, fold(query)).map(([start, end]) => text.slice(start, end));

describe("findAll", () => {
  it("ignores case, accents, and differences in whitespace", () => {
    expect(matches("Un Café, CAFE\u0301!", "cafe")).toEqual(["Café", "CAFE"]);
    expect(matches("the\n  bug and the bug", "The bug")).toEqual(["the\n  bug", "the bug"]);
    expect(matches("重点内容。", "内容")).toEqual(["内容"]);
  });

  it("returns whole characters", () => {
    expect(matches("a 🎉 b", "🎉")).toEqual(["🎉"]);
    expect(matches("ﬁne", "f")).toEqual(["ﬁ"]);
  });

  it("returns matches that do not overlap, and none for an empty term", () => {
    expect(findAll("aaaa", "aa")).toEqual([
      [0, 2],
      [2, 4],
    ]);
    expect(findAll("text", "")).toEqual([]);
  });
});

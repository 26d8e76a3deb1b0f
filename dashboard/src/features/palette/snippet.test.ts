// @vitest-environment node
import { describe, expect, it } from "vitest";
import { splitSnippet } from "./snippet";

const split = (snippet: string, highlights: readonly (readonly number[])[]) =>
  splitSnippet({ snippet, highlights }).map(({ text, isMatch }) => (isMatch ? `[${text}]` : text));

describe("splitSnippet", () => {
  it("divides a snippet at code points", () => {
    const highlights = [
      [4, 8],
      [10, 14],
    ];
    expect(split("🎉 a café, Cafe", highlights)).toEqual(["🎉 a ", "[café]", ", ", "[Cafe]"]);
  });

  it("returns a snippet without highlights unchanged", () => {
    expect(split("a", [])).toEqual(["a"]);
    expect(split("", [])).toEqual([]);
  });
});

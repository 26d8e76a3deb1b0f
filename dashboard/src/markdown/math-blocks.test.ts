// @vitest-environment node
import { describe, expect, it } from "vitest";
import { prepareMath } from "./math-blocks";

describe("prepareMath", () => {
  it.each([
    ["$$\na\n\nb\n$$\n\nc", "$$\na\nb\n$$\n\nc"],
    ["\\[\na\n\nb\n\\]", "\\[\na\nb\n\\]"],
    ["> $$\n> a\n>\n> b\n> $$\n> c", "> $$\n> a\n> b\n> $$\n> c"],
    ["$$\n\\frac{1}{2}", "$$\n\\frac{1}{2}\n%…\n$$"],
    ["$$\n\\frac{1}{2}\n\nThe end of it.", "$$\n\\frac{1}{2}\n%…\n$$\n\nThe end of it."],
    ["```\n$$\na\n\nb\n$$\n```", "```\n$$\na\n\nb\n$$\n```"],
    ["It costs\n$$ a lot\n\nof money", "It costs\n$$ a lot\n\nof money"],
  ])("prepares %j", (text, prepared) => {
    expect(prepareMath(text, false)).toBe(prepared);
  });

  it.each([
    "$$\n".repeat(80_000),
    "\\[\n".repeat(80_000),
    "\\[\n\\]\n".repeat(40_000),
    `${"> ".repeat(60)}$$ x\n${"> ".repeat(59)}x`,
    `${"> ".repeat(100_000)}$$`,
    `${"1. ".repeat(80_000)}$$`,
    `$$ ${"\\alpha ".repeat(40_000)}`,
  ])("ends soon for long repetitive text", (text) => {
    expect(prepareMath(text, true).length).toBeGreaterThan(0);
  });
});

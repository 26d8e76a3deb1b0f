// @vitest-environment node
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isBlank, isRich } from "./answer-layout";

describe("isRich", () => {
  it.each([
    "",
    "Yes.",
    "Two\nlines, and `code`, **bold**, and [a link](https://example.com).",
    "Two\n\nparagraphs.",
    "#hashtag",
    "2 - 1 = 1",
    "It began in\n1986. It ended in 1990.",
    "> A quote.",
    "a | b",
    "$5 and $10, or $x$",
    "\\[optional arguments\\]",
    "```inline``` code",
    "-5 degrees",
    "**Bold** start",
  ])("is false for a short plain answer: %j", (text) => {
    expect(isRich(text)).toBe(false);
  });

  it.each([
    ["a heading", "Well\n## Why"],
    ["an underlined heading", "Why\n===\n"],
    ["a code fence", "So:\n```js\nlet x"],
    ["indented code", "So:\n\n    let x"],
    ["a fence with tildes", "~~~\n"],
    ["a diagram", "```mermaid\ngraph TD"],
    ["a list", "- one"],
    ["a numbered list", "Steps:\n1. one"],
    ["a list that continues", "And:\n\n3) three"],
    ["a table", "| a | b |\n|---|--:|\n"],
    ["a table without outer lines", "a | b\n--- | ---\n1 | 2"],
    ["an image", "See ![a plot](https://example.com/plot.png)"],
    ["block math with dollars", "So\n$$\nx = 1"],
    ["block math with brackets", "So\n\\[\nx = 1"],
    ["block math in a line", "So\n\\[x^2 = 1\\]"],
    ["a folded section", "<details>"],
    ["more than 1000 characters", "word ".repeat(201)],
  ])("is true for %s", (_name, text) => {
    expect(isRich(text)).toBe(true);
  });

  it("remains true when text is appended", () => {
    const pieces = fc.constantFrom(
      ..."#-*1.)|`~$![](<> \n\\:=ax",
      "    ",
      "```",
      "---",
      "<details",
      "$$",
      "\\[",
      "\\]",
    );
    const texts = fc.array(pieces, { maxLength: 24 }).map((all) => all.join(""));
    fc.assert(
      fc.property(texts, (text) => {
        const states = Array.from({ length: text.length + 1 }, (_, end) =>
          isRich(text.slice(0, end)),
        );
        expect(states).toEqual(states.toSorted((a, b) => Number(a) - Number(b)));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("isBlank", () => {
  it.each(["", "\n\n", " \t\r\n", "\u200b\n", "\u001b[0m\n"])("is true for %j", (text) => {
    expect(isBlank(text)).toBe(true);
  });

  it.each([".", "\n\na\n", "\u001b[31mx\u001b[0m"])("is false for %j", (text) => {
    expect(isBlank(text)).toBe(false);
  });
});

// @vitest-environment node
import { describe, expect, it } from "vitest";
import { makeAnswer, makeMessage } from "@/test-objects";
import { compareMatches, findInTurns, findNearest, type Match } from "./find-matches";
import { fold } from "./folded-text";

const turns = [
  { turn: 1, user: makeMessage({ content: "A Café?" }), answer: makeAnswer({ content: "No." }) },
  {
    turn: 4,
    user: makeMessage({ content: "x" }),
    answer: makeAnswer({ content: "the **cafe** bar" }),
  },
];
const find = (text: string) => findInTurns(turns, fold(text), true);

describe("findInTurns", () => {
  it("returns the messages that contain the text, in order", () => {
    expect(find("cafe")).toEqual([
      { turn: 1, role: "user" },
      { turn: 4, role: "assistant" },
    ]);
    expect(find(" ")).toEqual([]);
  });

  it("finds text as it is rendered", () => {
    const content =
      "See the [docs page](https://e.com/d) for **A** &amp; \\*star\\*, <kbd>Ctrl</kbd>+C.\n\n| `p \\| q` | b |\n|---|---|";
    const one = [{ turn: 1, user: null, answer: makeAnswer({ content }) }];
    const isFound = (text: string) => findInTurns(one, fold(text), true).length > 0;
    const terms = [
      "the docs page for a",
      "a & *star*",
      "Ctrl+C",
      "p | q",
      "**A**",
      "amp;",
      "e.com",
      "kbd",
      "](",
    ];
    const shown = ["the docs page for a", "a & *star*", "Ctrl+C", "p | q"];
    expect(terms.filter(isFound)).toEqual(shown);
  });

  it("finds the source of answers that are not Markdown", () => {
    const one = [
      { turn: 1, user: null, answer: makeAnswer({ content: "a \u001b[1m**b**\u001b[0m" }) },
    ];
    expect(findInTurns(one, "a **b**", false)).toHaveLength(1);
  });
});

describe("matches", () => {
  const matches: readonly Match[] = [
    { turn: 4, role: "assistant" },
    { turn: 4, role: "user" },
    { turn: 2, role: "assistant" },
  ];

  it("are ordered as in the thread, and the nearest one is found", () => {
    const sorted = [...matches].sort(compareMatches);
    expect(sorted).toEqual([matches[2], matches[1], matches[0]]);
    expect([1, 3, 4, 9].map((turn) => findNearest(sorted, turn))).toEqual([0, 1, 1, 2]);
    expect(findNearest([], 1)).toBe(-1);
  });
});

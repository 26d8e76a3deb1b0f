// @vitest-environment node
import { describe, expect, it } from "vitest";
import { renderTerminal } from "./screen";
import type { Style } from "./style";

/** Returns the style of text after the sequences, which are given without `ESC [`. */
function styleAfter(...sequences: readonly string[]): Style | undefined {
  const text = `${sequences.map((one) => `\u001b[${one}`).join("")}x`;
  return renderTerminal(text)[0]?.style;
}

describe("applyStyle", () => {
  const cases: readonly (readonly [sequences: readonly string[], style: Style])[] = [
    [["1m"], { isBold: true }],
    [
      ["2;3;4;7;9m"],
      { isDim: true, isItalic: true, isUnderlined: true, isInverse: true, isStruck: true },
    ],
    [["1;2m", "22m"], {}],
    [["4m", "24m", "7m", "27m", "3m", "23m", "9m", "29m"], {}],
    [["4:3m"], { isUnderlined: true }],
    [["4m", "4:0m"], {}],
    [["31m"], { color: 1 }],
    [["97;100m"], { color: 15, background: 8 }],
    [["31;42m", "39m"], { background: 2 }],
    [["31;42m", "49m"], { color: 1 }],
    [["31m", "m"], {}],
    [["31m", "0m"], {}],
    [["31;;1m"], { isBold: true }],
    [["38;5;9m"], { color: 9 }],
    [["38;5;196m"], { color: "#ff0000" }],
    [["48;5;244m"], { background: "#808080" }],
    [["38:5:21m"], { color: "#0000ff" }],
    [["38;2;1;2;255;1m"], { color: "#0102ff", isBold: true }],
    [["38:2:1:2:3m"], { color: "#010203" }],
    [["38:2::1:2:3m"], { color: "#010203" }],
    [["48;2;300;0;0m"], { background: "#ff0000" }],
    [["31m", "38;5;999m"], { color: 1 }],
    [["38m"], {}],
    [["5;8;73;999m"], {}],
    [["?25m"], {}],
    [[">4;1m"], {}],
  ];
  for (const [sequences, style] of cases)
    it(`returns ${JSON.stringify(style)} for ${sequences.join(" ")}`, () => {
      expect(styleAfter(...sequences)).toEqual(style);
    });
});

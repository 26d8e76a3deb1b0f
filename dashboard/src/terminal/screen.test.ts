// @vitest-environment node
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  hasControls,
  isRedrawn,
  renderTerminal,
  showControls,
  toLine,
  toPlainText,
} from "./screen";

const ESC = "\u001b";

describe("toPlainText and renderTerminal", () => {
  const cases: Readonly<Record<string, readonly [output: string, shown: string]>> = {
    "plain lines": ["one\ntwo\n\nthree  3", "one\ntwo\n\nthree  3"],
    "tabs and indentation": ["  a\tb\n\tc", "  a\tb\n\tc"],
    "Windows line ends": ["one\r\ntwo\r\n", "one\ntwo\n"],
    colors: [`a ${ESC}[33myellow${ESC}[0m word`, "a yellow word"],
    "a progress line": ["10%\r50%\r100%\ndone", "100%\ndone"],
    "a progress line that has just restarted": ["50%\r", "50%"],
    "a shorter text over a longer one": ["loading\rok", "okading"],
    "a line that is erased and redrawn": [`loading${ESC}[2K\rok`, "ok"],
    "an erased rest of a line": [`loading\rok${ESC}[K`, "ok"],
    "a shorter text padded with blanks": ["loading\rok     \nnext", "ok\nnext"],
    "a spinner made of backspaces": ["wait |\b/\b-\b\\\b \bdone", "wait done"],
    "backspaces beyond the start": ["a\b\b\bb", "b"],
    "absolute columns": [`abc${ESC}[1Gx${ESC}[3Gz`, "xbz"],
    "several progress lines": [
      `a 1%\nb 1%${ESC}[1A\r${ESC}[Ka 9%\n${ESC}[Kb 9%\nend`,
      "a 9%\nb 9%\nend",
    ],
    "erased lines below the cursor": [`a\nb\nc${ESC}[2A\r${ESC}[Jx`, "x"],
    "a cleared screen": [`old\n${ESC}[H${ESC}[2Jnew`, "new"],
    "a window title": [`${ESC}]0;title\u0007text`, "text"],
    "a hyperlink": [
      `see ${ESC}]8;;https://a.b/c${ESC}\\the docs${ESC}]8;;${ESC}\\.`,
      "see the docs.",
    ],
    "an unterminated title": [`a${ESC}]0;title\nb\nc`, "a\nb\nc"],
    "a hidden cursor, a charset, a bell": [`${ESC}[?25la${ESC}(Bb\u0007c${ESC}[?25h`, "abc"],
    "8-bit introducers": ["\u009b31mred\u009b0m", "red"],
    "an incomplete sequence": [`text${ESC}[3`, "text"],
    "a lone escape": [`text${ESC}`, "text"],
    "absolute positions": [`a${ESC}[99;99Hb`, "ab"],
    "a far column": [`a\r${ESC}[999Cb`, `a${" ".repeat(399)}b`],
    "characters outside of the basic plane": ["🎉 party\r🎈", "🎈 party"],
  };
  for (const [name, [output, shown]] of Object.entries(cases))
    it(`render ${name}`, () => {
      expect(toPlainText(output)).toBe(shown);
      const spans = renderTerminal(output).map(({ text }) => text);
      expect(spans.join("")).toBe(shown);
    });

  it("render long colored output quickly", () => {
    const lines = Array.from({ length: 5000 }, (_, index) => `${ESC}[32m${index}${ESC}[0m ok`);
    const redrawn = Array.from({ length: 5000 }, (_, index) => `\r${ESC}[K${index}%`);

    expect(toPlainText(lines.join("\n")).split("\n")).toHaveLength(5000);
    expect(toPlainText(redrawn.join(""))).toBe("4999%");
  });
});

describe("any output", () => {
  const pieces = [
    "a",
    "🎉",
    " ",
    "\n",
    "\r",
    "\b",
    "\t",
    `${ESC}[31m`,
    `${ESC}[0m`,
    `${ESC}[2K`,
    `${ESC}[K`,
  ];
  const moves = [
    `${ESC}[A`,
    `${ESC}[B`,
    `${ESC}[2C`,
    `${ESC}[D`,
    `${ESC}[5G`,
    `${ESC}[H`,
    `${ESC}[J`,
    ESC,
  ];
  const outputs = fc
    .array(fc.constantFrom(...pieces, ...moves), { maxLength: 60 })
    .map((all) => all.join(""));

  it("has the same text with and without styles, and no control characters", () => {
    fc.assert(
      fc.property(outputs, (output) => {
        const text = toPlainText(output);

        expect(hasControls(text)).toBe(false);
        expect(
          renderTerminal(output)
            .map((span) => span.text)
            .join(""),
        ).toBe(text);
      }),
    );
  });
});

describe("renderTerminal", () => {
  it("returns spans that each have one style", () => {
    expect(renderTerminal(`a${ESC}[1;33mb${ESC}[22mc\nd${ESC}[me`)).toEqual([
      { text: "a", style: {} },
      { text: "b", style: { isBold: true, color: 3 } },
      { text: "c\nd", style: { color: 3 } },
      { text: "e", style: {} },
    ]);
  });

  it("returns one span for unstyled text", () => {
    expect(renderTerminal("a\nb\r\nc")).toEqual([{ text: "a\nb\nc", style: {} }]);
  });

  it("keeps the style of text that is not redrawn", () => {
    expect(renderTerminal(`${ESC}[31mabc${ESC}[0m\rx`)).toEqual([
      { text: "x", style: {} },
      { text: "bc", style: { color: 1 } },
    ]);
  });
});

describe("toLine", () => {
  it("returns one line without escape sequences", () => {
    expect(toLine(`Run ${ESC}[1mcargo test${ESC}[0m\u0007`)).toBe("Run cargo test");
    expect(toLine("a\tb")).toBe("a\tb");
  });

  it("does not apply redrawing", () => {
    expect(toLine(`rm -rf /\r${ESC}[2Kls`)).toBe("rm -rf / ls");
    expect(toLine("rm -rf /\b\b\b\bls")).toBe("rm -rf / ls");
  });
});

describe("showControls", () => {
  it("replaces control characters with symbols", () => {
    expect(showControls(`rm x\r${ESC}[2Kls\r\nnext\tline\u007f`)).toBe("rm x␍␛[2Kls\nnext\tline␡");
  });
});

describe("isRedrawn", () => {
  it.each([
    ["a\n10%\r100%\nb", true],
    ["10%\r100%\nb", true],
    ["a\n10%\r100%", true],
    ["a\r\n10%\r100%\r\n", true],
    ["wait |\b/", true],
    [`${ESC}[31mred`, true],
    ["a\nb\tc", false],
    ["a\r\nb\r\n", false],
    ["a\r\r\nb\r", false],
    ["a\rb\rc", false],
  ])("%j: %s", (text, expected) => {
    expect(isRedrawn(text)).toBe(expected);
  });
});

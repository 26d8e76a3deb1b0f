// @vitest-environment node
import { describe, expect, it } from "vitest";
import { tokenize } from "./highlight";

const coloured = (code: string, language: string) =>
  tokenize(code, language)
    .filter(({ kind }) => kind !== "plain")
    .map(({ kind, text }) => [kind, text]);

describe("colours of code", () => {
  it("finds keywords, strings, numbers and comments", () => {
    expect(coloured('let x = "a // b"; // 1\nfn y() { 42 }', "rust")).toEqual([
      ["keyword", "let"],
      ["string", '"a // b"'],
      ["comment", "// 1"],
      ["keyword", "fn"],
      ["number", "42"],
    ]);
  });

  it("takes # for a comment only where it is one", () => {
    expect(coloured("a: 1 # note", "yaml")).toContainEqual(["comment", "# note"]);
    expect(coloured("#[test]", "rust")).toEqual([]);
  });

  it("does not take a lifetime for a string", () => {
    expect(coloured("x<'a>(y: &'a T)", "rust")).toEqual([]);
  });

  it("loses nothing", () => {
    const code = 'unclosed "string\n\t/* comment\n`tick $[1]';

    expect(
      tokenize(code, "js")
        .map(({ text }) => text)
        .join(""),
    ).toBe(code);
  });

  it("leaves code of no language alone", () => {
    expect(tokenize("let it be", undefined)).toEqual([{ kind: "plain", text: "let it be" }]);
  });
});

// @vitest-environment node
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tokenize } from "./highlight";

const highlight = (code: string, language: string) =>
  tokenize(code, language)
    .filter(({ kind }) => kind !== "plain")
    .map(({ kind, text }) => [kind, text]);

describe("tokenize", () => {
  it("finds keywords, strings, numbers, and comments", () => {
    expect(highlight('let x = "a // b"; // 1\nfn y() { 42 }', "rust")).toEqual([
      ["keyword", "let"],
      ["string", '"a // b"'],
      ["comment", "// 1"],
      ["keyword", "fn"],
      ["number", "42"],
    ]);
  });

  it("treats # as a comment only in languages where it is one", () => {
    expect(highlight("a: 1 # note", "yaml")).toContainEqual(["comment", "# note"]);
    expect(highlight("#[test]", "rust")).toEqual([]);
  });

  it("does not treat a lifetime as a string", () => {
    expect(highlight("x<'a>(y: &'a T)", "rust")).toEqual([]);
  });

  it("preserves the text", () => {
    const code = fc.string({ unit: fc.constantFrom(..."\"'`/*#-\n\\ a1{}$[]<>"), maxLength: 60 });
    const language = fc.constantFrom("js", "rust", "python", "sql", "html");
    fc.assert(
      fc.property(code, language, (text, name) => {
        expect(
          tokenize(text, name)
            .map((token) => token.text)
            .join(""),
        ).toBe(text);
      }),
    );
  });

  it("does not highlight code without a language", () => {
    expect(tokenize("let it be", undefined)).toEqual([{ kind: "plain", text: "let it be" }]);
  });
});

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
      ["function", "y"],
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

  it("finds functions, types, and constants", () => {
    expect(highlight("a = Parser.read(path, None)", "python")).toEqual([
      ["type", "Parser"],
      ["function", "read"],
      ["number", "None"],
    ]);
    expect(highlight("vec![0u8]; let n: usize", "rust")).toEqual([
      ["function", "vec"],
      ["number", "0u8"],
      ["keyword", "let"],
      ["type", "usize"],
    ]);
  });

  it.each([
    ["json", '{"a": "b", "c": [true]}', ['"a"', '"c"']],
    ["yaml", "name: x\n- run: echo a:b", ["name", "run"]],
    ["toml", "port = 1", ["port"]],
    ["html", '<a href="x">b</a>', ["href"]],
    ["sh", "echo $HOME $1", ["$HOME", "$1"]],
    ["python", "@app.route\ndef f(): pass", ["@app.route"]],
  ])("finds keys, attributes, and variables in %s", (language, code, names) => {
    const found = highlight(code, language).filter(([kind]) => kind === "property");
    expect(found.map(([, text]) => text)).toEqual(names);
  });

  it("preserves the text", () => {
    const code = fc.string({
      unit: fc.constantFrom(..."\"'`/*#-\n\\ aA1{}$[]<>@:=(!"),
      maxLength: 60,
    });
    const language = fc.constantFrom("js", "rust", "python", "sql", "html", "sh", "yaml");
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

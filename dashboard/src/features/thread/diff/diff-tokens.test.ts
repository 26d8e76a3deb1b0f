// @vitest-environment node
import { describe, expect, it } from "vitest";
import { parseDiff } from "./diff-lines";
import { languageOf, tokenizeDiff } from "./diff-tokens";

function tokenize(patch: string, language: string) {
  const lines = parseDiff(patch);
  const parts = tokenizeDiff(lines, language);
  return lines.map((line) =>
    (parts.get(line) ?? []).map(({ text, kind, isChanged }) =>
      isChanged ? `${kind}*${text}` : `${kind} ${text}`,
    ),
  );
}

describe("tokenizeDiff", () => {
  it("highlights each version as continuous text", () => {
    const patch = "@@ -1,3 +1,3 @@\n /* a\n-old\n+new\n b */\n";

    expect(tokenize(patch, "ts")).toEqual([
      ["comment /* a"],
      ["comment old"],
      ["comment new"],
      ["comment b */"],
    ]);
  });

  it("marks changed words within tokens", () => {
    expect(tokenize('@@ -1 +1 @@\n-say("one two");\n+say("one three");\n', "ts")).toEqual([
      ["function say", "plain (", 'string "one ', "string*two", 'string "', "plain );"],
      ["function say", "plain (", 'string "one ', "string*three", 'string "', "plain );"],
    ]);
  });

  it("returns the text of every line", () => {
    expect(tokenize("@@ -1,2 +1,2 @@\n a\n-\n+b\n", "txt")).toEqual([["plain a"], [], ["plain b"]]);
  });
});

describe("languageOf", () => {
  it("returns the extension, or the name of a file without one", () => {
    expect(languageOf("/work/repo.git/src/App.TSX")).toBe("tsx");
    expect(languageOf("C:\\repo.git\\Makefile")).toBe("makefile");
    expect(languageOf("Dockerfile")).toBe("dockerfile");
  });
});

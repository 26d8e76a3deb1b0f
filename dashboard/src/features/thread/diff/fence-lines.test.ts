// @vitest-environment node
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFence } from "./fence-lines";

const parse = (code: string) =>
  parseFence(code).map(({ path, lines }) => [path, ...lines.map(({ kind }) => kind)]);

describe("parseFence", () => {
  it("finds the files, hunks, and changed lines", () => {
    const code = `diff --git a/a.py b/a.py
index 1111111..2222222 100644
--- a/a.py
+++ b/a.py
@@ -1,2 +1,2 @@ def f():
 import os
-x = 1
+x = 2
\\ No newline at end of file
--- a/b.sql
+++ b/b.sql
@@ -1,2 +1 @@
--- a comment
 SELECT 1`;

    expect(parse(code)).toEqual([
      ["b/a.py", ...["header", "header", "header", "header"], "hunk", "context", "deletion"].concat(
        ["addition", "note"],
      ),
      ["b/b.sql", "header", "header", "hunk", "deletion", "context"],
    ]);
  });

  it("finds changed lines without headers", () => {
    expect(parse("-a = 1\n+a = 2\n\nb")).toEqual([
      ["", "deletion", "addition", "context", "context"],
    ]);
    expect(parse("@@ ... @@\n+++counter")).toEqual([["", "hunk", "addition"]]);
  });

  it("uses the old path of a deleted file", () => {
    expect(parse("--- a/x.ts\n+++ /dev/null\n@@ -1 +0,0 @@\n-x")).toEqual([
      ["a/x.ts", "header", "header", "hunk", "deletion"],
    ]);
  });

  it("preserves the text", () => {
    const line = fc.oneof(
      fc.constantFrom("diff --git a/a b/b", "--- a/a", "+++ b/a", "@@ -1,2 +1,2 @@", "@@", "\\ No"),
      fc.string({ unit: fc.constantFrom(..."+- @a\t"), maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), (lines) => {
        const parsed = parseFence(lines.join("\n")).flatMap((file) => file.lines);
        expect(parsed.map((one) => ("sign" in one ? one.sign + one.text : one.text))).toEqual(
          lines,
        );
      }),
    );
  });
});

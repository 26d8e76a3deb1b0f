// @vitest-environment node
import { describe, expect, it } from "vitest";
import { type DiffLine, parseDiff } from "./diff-lines";

/** Formats lines as "old new sign text". */
function format(lines: readonly DiffLine[]): readonly string[] {
  const signs = { addition: "+", deletion: "-", context: " " } as const;
  return lines.map((line) => {
    if (line.kind === "gap") return `… ${line.count}`;
    if (line.kind === "noLineBreak") return "no line break";
    return `${line.oldNumber ?? "."} ${line.newNumber ?? "."} ${signs[line.kind]}${line.text}`;
  });
}

/** Returns the text that replaces the deletion of `text`. */
function replacementOf(lines: readonly DiffLine[], text: string): string | undefined {
  const line = lines.find((one) => one.kind === "deletion" && one.text === text);
  return line && "counterpart" in line ? line.counterpart?.text : undefined;
}

describe("parseDiff", () => {
  it("numbers lines and counts the unchanged lines between hunks", () => {
    const patch =
      "@@ -37,4 +37,4 @@\n line 37\n-line 38\n+line thirty-eight\n line 39\n" +
      "@@ -80,2 +80,3 @@\n line 80\n+line 80.5\n line 81\n";

    expect(format(parseDiff(patch))).toEqual([
      "… 36",
      "37 37  line 37",
      "38 . -line 38",
      ". 38 +line thirty-eight",
      "39 39  line 39",
      "… 40",
      "80 80  line 80",
      ". 81 +line 80.5",
      "81 82  line 81",
    ]);
  });

  it("parses new and deleted files", () => {
    expect(format(parseDiff("@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"))).toEqual([
      ". 1 +a",
      ". 2 +b",
      "no line break",
    ]);
    expect(format(parseDiff("@@ -1 +0,0 @@\n-a\n"))).toEqual(["1 . -a"]);
  });

  it("keeps empty lines and lines that look like file headers", () => {
    expect(format(parseDiff("@@ -1,3 +1,3 @@\n-- comment\n+++ counter\n\n \n"))).toEqual([
      "1 . -- comment",
      ". 1 +++ counter",
      "2 2  ",
      "3 3  ",
    ]);
  });

  it("accepts a patch that is empty or ends early", () => {
    expect(parseDiff("")).toEqual([]);
    expect(format(parseDiff("@@ -1,9 +1,9 @@\n a\n-b"))).toEqual(["1 1  a", "2 . -b"]);
  });

  it("pairs the deletions and additions of each change", () => {
    const lines = parseDiff("@@ -1,5 +1,4 @@\n-a\n-b\n-c\n+A\n+B\n x\n-d\n+D\n");

    expect(["a", "b", "c", "d"].map((text) => replacementOf(lines, text))).toEqual([
      "A",
      "B",
      undefined,
      "D",
    ]);
  });

  it("shows control characters, and carriage returns only where they have changed", () => {
    expect(format(parseDiff("@@ -1,2 +1,2 @@\n a\r\n-b\r\n+b\n \u001b[31m\n"))).toEqual([
      "1 1  a",
      "2 . -b␍",
      ". 2 +b",
      "3 3  ␛[31m",
    ]);
    expect(format(parseDiff("@@ -1 +1 @@\n-b\r\n+c\r\n"))).toEqual(["1 . -b", ". 1 +c"]);
  });
});

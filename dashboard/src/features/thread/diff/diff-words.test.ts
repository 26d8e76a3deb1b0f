// @vitest-environment node
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareWords, type Range } from "./diff-words";

const mark = (line: string, ranges: readonly Range[]) =>
  [...ranges]
    .reverse()
    .reduce(
      (text, { start, end }) =>
        `${text.slice(0, start)}[${text.slice(start, end)}]${text.slice(end)}`,
      line,
    );
const compare = (before: string, after: string) => {
  const [removed, added] = compareWords(before, after);
  return [mark(before, removed), mark(after, added)];
};

describe("compareWords", () => {
  it("returns the words that differ", () => {
    expect(compare("const limit = 10;", "const limit = 200;")).toEqual([
      "const limit = [10];",
      "const limit = [200];",
    ]);
    expect(compare("send(message)", "await send(message, now)")).toEqual([
      "send(message)",
      "[await ]send(message[, now])",
    ]);
    expect(compare("größe = 1", "größer = 1")).toEqual(["[größe] = 1", "[größer] = 1"]);
  });

  it("joins differences that only a space separates", () => {
    expect(compare("let a = old name here;", "let a = new title here;")).toEqual([
      "let a = [old name] here;",
      "let a = [new title] here;",
    ]);
  });

  it("returns changed indentation", () => {
    expect(compare("  return total;", "    return total;")).toEqual([
      "[  ]return total;",
      "[    ]return total;",
    ]);
  });

  it("returns nothing for lines with little in common", () => {
    expect(compareWords("import os", "class Reader(Base):")).toEqual([[], []]);
    expect(compareWords("", "text")).toEqual([[], []]);
  });

  it("compares long lines quickly", () => {
    const words = (first: number) => Array.from({ length: 20_000 }, (_, index) => first + index);
    const before = `x ${words(0).join(" ")} y`;
    const after = `x ${words(7).join(" ")} y`;

    expect(() => compareWords(before, after)).not.toThrow();
  });

  it("leaves the same text outside of the ranges", () => {
    const line = fc
      .array(fc.constantFrom("a", "b", "foo", " ", "  ", "(", "é", "🎉"), { maxLength: 12 })
      .map((words) => words.join(""));
    const rest = (text: string, ranges: readonly Range[]) =>
      mark(text, ranges)
        .replace(/\[[^\]]*\]/g, "")
        .replace(/\s/g, "");
    fc.assert(
      fc.property(line, line, (before, after) => {
        const [removed, added] = compareWords(before, after);
        if (removed.length + added.length > 0)
          expect(rest(before, removed)).toBe(rest(after, added));
      }),
    );
  });
});

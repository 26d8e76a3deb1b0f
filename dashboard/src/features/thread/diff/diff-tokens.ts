/** Splits the lines of a diff into parts with a syntax color and an emphasis. */

import { type Token, tokenize } from "../markdown/highlight";
import type { DiffLine } from "./diff-lines";
import { compareWords, type Range } from "./diff-words";

export interface LinePart {
  readonly text: string;
  readonly kind: Token["kind"];
  /** Whether this part differs from the other version of the line. */
  readonly isChanged: boolean;
}

/** Returns the language of a file as its extension, or its name if it has none. */
export function languageOf(path: string): string {
  const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  return name.slice(name.lastIndexOf(".") + 1).toLowerCase();
}

/** Splits tokens at line breaks. */
function splitLines(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const lines: Token[][] = [[]];
  for (const { kind, text } of tokens)
    for (const [index, part] of text.split("\n").entries()) {
      if (index > 0) lines.push([]);
      if (part) lines.at(-1)?.push({ kind, text: part });
    }
  return lines;
}

/** Splits tokens at the ends of the ranges. */
function emphasize(tokens: readonly Token[], ranges: readonly Range[]): readonly LinePart[] {
  const parts: LinePart[] = [];
  let position = 0;
  for (const { kind, text } of tokens) {
    const end = position + text.length;
    const cuts = ranges.flatMap((range) => [range.start, range.end]);
    const bounds = [position, ...cuts.filter((cut) => cut > position && cut < end), end];
    for (const [index, start] of bounds.slice(0, -1).entries()) {
      const stop = bounds[index + 1] ?? end;
      const isChanged = ranges.some((range) => range.start <= start && stop <= range.end);
      parts.push({ kind, text: text.slice(start - position, stop - position), isChanged });
    }
    position = end;
  }
  return parts;
}

/** Returns the parts of each numbered line. Both versions are highlighted as continuous text. */
export function tokenizeDiff(
  lines: readonly DiffLine[],
  language: string,
): ReadonlyMap<DiffLine, readonly LinePart[]> {
  const parts = new Map<DiffLine, readonly LinePart[]>();
  for (const skipped of ["addition", "deletion"] as const) {
    const version = lines.flatMap((line) =>
      "text" in line && line.kind !== skipped ? [line] : [],
    );
    const code = version.map(({ text }) => text).join("\n");
    const tokens = splitLines(tokenize(code, language));
    for (const [index, line] of version.entries()) {
      const { kind, text, counterpart } = line;
      const ranges =
        kind === "deletion"
          ? counterpart && compareWords(text, counterpart.text)[0]
          : counterpart && compareWords(counterpart.text, text)[1];
      parts.set(line, emphasize(tokens[index] ?? [], ranges ?? []));
    }
  }
  return parts;
}

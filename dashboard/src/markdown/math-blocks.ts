/**
 * Prepares blocks of math for the parser, which ends math at a blank line: removes blank lines from
 * blocks, and ends blocks whose end is missing, so that their source is shown.
 */
import { findDelimiter, isProse, MAX_MATH_LENGTH } from "./math";

/** The end of math whose end delimiter is missing. In TeX, it is a comment. */
export const INCOMPLETE_MATH = "%…";

/** The start of a code fence or of math, after the prefixes of quotes and lists. */
const START = /^([ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t][ \t>]*)*)(?:(`{3,}|~{3,})(.*)|(\$\$|\\\[))/;
/** A TeX command, an equals sign, a superscript, or a subscript of several characters. */
const TEX = /\\[A-Za-z,;:!]|[\^=]|_\{/;

/** After this number of start delimiters without math, the rest of a text is not searched for more. */
const MAX_MISSES = 50;

/** Lines that replace others. */
interface Block {
  readonly lines: readonly string[];
  /** The number of lines that are replaced. */
  readonly count: number;
}

/** A line that starts with the start delimiter of math. */
interface Start {
  readonly lines: readonly string[];
  /** The position of the line. */
  readonly index: number;
  /** The prefixes of quotes and lists. */
  readonly prefix: string;
  readonly delimiter: string;
}

/** Returns whether content whose end is missing is clearly math. */
export const isTex = (content: string) => TEX.test(content) && !isProse(content);

const isBlank = (line: string) => line.trim() === "";
const widthOf = (text: string) => text.replace(/\t/g, "    ").length;

/**
 * Returns the content of the lines in the same quote and list, from the start delimiter to the line
 * with the end delimiter, if there is one.
 */
function readContent({ lines, index, prefix, delimiter }: Start): readonly string[] {
  // Only one part of the pattern matches a space, so that a mismatch is found quickly.
  const depth = prefix.split(">").length - 1;
  const quotes = depth === 0 ? /^/ : new RegExp(`^(?:[ \\t]*>){${depth}} ?`);
  const width = widthOf(prefix.replace(/^.*> ?/, ""));
  const indentation = new RegExp(`^(?:\\t| {0,${width}})`);
  const content = [lines[index]?.slice(prefix.length + delimiter.length) ?? ""];
  if (findEnd(content[0] ?? "", delimiter, true) !== -1) return content;
  let length = 0;
  for (let at = index + 1; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const inner = line.replace(quotes, "");
    const indent = /^\s*/.exec(inner)?.[0] ?? "";
    length += line.length + 1;
    const isInside = isBlank(inner) || widthOf(indent) >= width;
    if (!quotes.test(line) || !isInside || length > MAX_MATH_LENGTH) break;
    content.push(inner.replace(indentation, ""));
    if (findEnd(line, delimiter, false) !== -1) break;
  }
  return content;
}

/** Returns the position of the end delimiter, or -1. `isFirst` is whether the start is before it. */
function findEnd(text: string, delimiter: string, isFirst: boolean): number {
  const isDollars = delimiter === "$$";
  return findDelimiter(text, isDollars ? "$$" : "\\]", isDollars && isFirst ? 1 : 0);
}

/** Returns the number of lines before the first paragraph that consists of words. */
function countMath(content: readonly string[]): number {
  let start = 0;
  while (start < content.length) {
    const blank = content.findIndex((line, at) => at > start && isBlank(line));
    const end = blank === -1 ? content.length : blank;
    if (isProse(content.slice(start, end).join("\n"))) return start;
    start = end;
  }
  return content.length;
}

/** Returns a block of math with its end delimiter; null if there is none or it is not math. */
function readClosedBlock(start: Start, content: readonly string[]): Block | null {
  const source = content.join("\n");
  const end = findEnd(source, start.delimiter, true);
  if (end === -1) return null;
  const count = source.slice(0, end).split("\n").length;
  const own = start.lines.slice(start.index, start.index + count);
  const lines = own.filter((_line, at) => at === 0 || !isBlank(content[at] ?? ""));
  if (lines.length === count) return { lines: own, count };
  return isProse(source.slice(0, end)) ? null : { lines, count };
}

/** Returns a block of math with an added end; null if it is probably not math. */
function endBlock(start: Start, content: readonly string[], isStreaming: boolean): Block | null {
  const { lines, index, prefix, delimiter } = start;
  const count = countMath(content);
  const isGrowing = isStreaming && index + count === lines.length;
  const source = content.slice(0, count).map((line, at) => {
    // The end delimiter may be incomplete.
    return isGrowing && at === count - 1 ? line.replace(/[\\$]+\s*$/, "") : line;
  });
  if (source.every(isBlank)) return isGrowing ? { lines: [prefix], count } : null;
  const isMath = isGrowing || isTex(source.join("\n"));
  if (!isMath || source.join("\n").length > MAX_MATH_LENGTH) return null;
  const indent = prefix.replace(/[^\s>]/g, " ");
  const [first = "", ...others] = source;
  const end = [INCOMPLETE_MATH, delimiter === "$$" ? "$$" : "\\]"];
  return {
    lines: [
      prefix + delimiter + first,
      ...[...others.filter((line) => !isBlank(line)), ...end].map((line) => indent + line),
    ],
    count,
  };
}

function readBlock(start: Start, isStreaming: boolean): Block | null {
  const content = readContent(start);
  return readClosedBlock(start, content) ?? endBlock(start, content, isStreaming);
}

/** Returns the mark of the code fence that is open after the mark, or an empty string. */
export function readFence(open: string, mark: string, info: string): string {
  if (!open) return mark.startsWith("`") && info.includes("`") ? "" : mark;
  const isEnd = mark[0] === open[0] && mark.length >= open.length && isBlank(info);
  return isEnd ? "" : open;
}

/** Prepares the blocks of math in a text. Code is not changed. */
export function prepareMath(text: string, isStreaming: boolean): string {
  if (!/\$\$|\\\[/.test(text)) return text;
  const lines = text.split("\n");
  const shown: string[] = [];
  let fence = "";
  let misses = 0;
  for (let index = 0; index < lines.length; ) {
    const line = lines[index] ?? "";
    const [, prefix = "", mark, info = "", delimiter] = START.exec(line) ?? [];
    if (mark) fence = readFence(fence, mark, info);
    const block =
      delimiter && !fence && misses < MAX_MISSES
        ? readBlock({ lines, index, prefix, delimiter }, isStreaming)
        : null;
    if (delimiter && !block) misses += 1;
    shown.push(...(block?.lines ?? [line]));
    index += block?.count ?? 1;
  }
  return shown.join("\n");
}

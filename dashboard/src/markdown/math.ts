/**
 * Finds math in text: `\(…\)`, `\[…\]`, `$$…$$`, and `$…$` if its content is clearly math, so that
 * amounts of money such as `$5 and $10` are left alone.
 */

/** Math at the beginning of a text. */
export interface Math {
  /** The TeX source without delimiters. */
  readonly source: string;
  /** Whether the math is shown in a line of its own. */
  readonly isDisplay: boolean;
  /** The length including the delimiters, in UTF-16 code units. */
  readonly length: number;
}

/** The maximum length of math including its delimiters, in UTF-16 code units. */
export const MAX_MATH_LENGTH = 8000;

const ends: Readonly<Record<string, string>> = { "\\(": "\\)", "\\[": "\\]", $$: "$$" };

/** A TeX command, or a group of plain words within TeX, whose end may be missing. */
const TEX = /\\(?:text|mathrm|operatorname|textbf|textit)\*?\{[^{}]*(?:\}|$)|\\[A-Za-z]+/g;
/** Two successive words, which rarely occur in math. */
const WORDS = /\p{L}{2,}[,;:]? +\p{L}{2,}/u;
/** A word that is probably a variable of a shell or a template. */
const NAME = /^(?:\p{L}{4,}|[A-Z][A-Z0-9_]{2,})$/u;
const BLANK_LINE = /\n[^\S\n]*\n/;
const PART_OF_WORD = /[\p{L}\p{N}$]/u;
/** A letter next to which words need no space. */
const UNSPACED =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u;

/** A number followed by a word, such as `5 to 10`. */
const AMOUNT = /^\d[^\\^_=]*\s\p{L}{2,}/u;

/** Returns whether the content between delimiters consists of words rather than math. */
export const isProse = (content: string) => WORDS.test(content.replace(TEX, " "));

/** Returns whether the content of `$…$` is clearly math. */
const isClearlyMath = (content: string) =>
  content.trim() === content &&
  !content.includes("\n") &&
  !isProse(content) &&
  !NAME.test(content) &&
  !AMOUNT.test(content);

/**
 * Returns whether `$…$` is part of a word or an amount because of the characters around it. Next to
 * letters of languages without spaces, its content must not contain such letters.
 */
function isWithinWord(content: string, before: string, after: string): boolean {
  const neighbors = [before, after].filter((character) => PART_OF_WORD.test(character));
  if (!neighbors.every((character) => UNSPACED.test(character))) return true;
  return neighbors.length > 0 && UNSPACED.test(content.replace(TEX, " "));
}

/** Returns whether the character at the position is preceded by an odd number of backslashes. */
function isEscaped(text: string, position: number): boolean {
  let start = position;
  while (text[start - 1] === "\\") start--;
  return (position - start) % 2 === 1;
}

/** Returns the position of a delimiter that is not escaped, or -1. */
export function findDelimiter(text: string, delimiter: string, from: number): number {
  let end = text.indexOf(delimiter, from);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf(delimiter, end + 1);
  return end;
}

/** Returns the delimiter at the beginning of the text, or null. */
function findStart(text: string): string | null {
  const two = text.slice(0, 2);
  return two in ends ? two : text.startsWith("$") ? "$" : null;
}

/** Returns whether the text, which starts with a delimiter, ends with the matching one. */
export function isClosedMath(text: string): boolean {
  const start = findStart(text);
  const end = start && (ends[start] ?? "$");
  if (!start || !end || text.length <= start.length + end.length || !text.endsWith(end))
    return false;
  return !isEscaped(text, text.length - end.length);
}

/** Returns whether the text, which starts with a delimiter, ends with the same one. */
export function isNestedMath(text: string): boolean {
  const start = text.slice(0, 2);
  if (!text.startsWith("\\") || text.length <= 2 || !text.endsWith(start)) return false;
  return !isEscaped(text, text.length - 2);
}

/**
 * Returns the math at the beginning of the text, or null if there is none.
 *
 * @param before The character before the text, or an empty string.
 */
export function matchMath(text: string, before: string): Math | null {
  const start = findStart(text);
  if (!start) return null;
  const limited = text.slice(0, MAX_MATH_LENGTH + 1);
  const end = findDelimiter(limited, ends[start] ?? "$", start.length + (start === "$$" ? 1 : 0));
  if (end === -1) return null;
  const content = limited.slice(start.length, end);
  const source = content.trim();
  const length = end + (ends[start] ?? "$").length;
  if (source === "" || BLANK_LINE.test(content)) return null;
  if (start === "$") {
    const after = limited[length] ?? "";
    const isMath = isClearlyMath(content) && !isWithinWord(content, before, after);
    return isMath ? { source, isDisplay: false, length } : null;
  }
  // Brackets and parentheses can also be escaped in prose.
  if (start !== "$$" && (isProse(content) || findDelimiter(content, start, 0) !== -1)) return null;
  return { source, isDisplay: start !== "\\(", length };
}

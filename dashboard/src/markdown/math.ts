/**
 * Finds math in text: `\(…\)`, `\[…\]`, `$$…$$`, and `$…$` if its content is clearly math, so that
 * amounts of money such as `$5 and $10` are left alone.
 */

/** Math at the beginning of a text. */
export interface Math {
  /** The TeX source without delimiters. */
  readonly source: string;
  /** Whether the math is shown as a separate block rather than within a line. */
  readonly isDisplay: boolean;
  /** The length including the delimiters, in UTF-16 code units. */
  readonly length: number;
}

/** The maximum length of math, in UTF-16 code units, to limit the search for its end. */
const MAX_LENGTH = 8000;

/** A TeX command, or a group of plain words within TeX. */
const TEX = /\\(?:text|mathrm|operatorname|textbf|textit)\*?\{[^{}]*\}|\\[A-Za-z]+/g;
/** Two successive words, which rarely occur in math. */
const WORDS = /\p{L}{2,}[,;:]? +\p{L}{2,}/u;
/** A word that is probably a variable of a shell or a template. */
const NAME = /^(?:\p{L}{4,}|[A-Z][A-Z0-9_]{2,})$/u;

function isProse(content: string): boolean {
  return WORDS.test(content.replace(TEX, " "));
}

/** Returns whether the content of `$…$` is clearly math. */
function isClearlyMath(content: string): boolean {
  return content.trim() === content && !isProse(content) && !NAME.test(content);
}

/** Returns whether the character at the position is preceded by an odd number of backslashes. */
function isEscaped(text: string, position: number): boolean {
  let start = position;
  while (text[start - 1] === "\\") start--;
  return (position - start) % 2 === 1;
}

function findEnd(text: string, delimiter: string, from: number): number {
  const limit = Math.min(text.length, MAX_LENGTH);
  for (
    let end = text.indexOf(delimiter, from);
    end !== -1 && end < limit;
    end = text.indexOf(delimiter, end + 1)
  )
    if (!isEscaped(text, end)) return end;
  return -1;
}

/**
 * Returns the math at the beginning of the text, or null if there is none.
 *
 * @param before The character before the text, or an empty string.
 */
export function matchMath(text: string, before: string): Math | null {
  if (text.startsWith("\\(") || text.startsWith("\\[")) {
    const isDisplay = text[1] === "[";
    const end = findEnd(text, isDisplay ? "\\]" : "\\)", 2);
    const source = text.slice(2, end);
    // Brackets and parentheses can also be escaped in prose.
    if (end === -1 || source.trim() === "" || /\n\s*\n/.test(source) || isProse(source))
      return null;
    return { source: source.trim(), isDisplay, length: end + 2 };
  }
  if (text.startsWith("$$")) {
    const end = findEnd(text, "$$", 2);
    const source = text.slice(2, end);
    if (end === -1 || source.trim() === "" || /\n\s*\n/.test(source)) return null;
    return { source: source.trim(), isDisplay: true, length: end + 2 };
  }
  if (!text.startsWith("$") || /[\p{L}\p{N}$]/u.test(before)) return null;
  const end = findEnd(text, "$", 1);
  const source = text.slice(1, end);
  const after = text[end + 1] ?? "";
  if (end < 2 || source.includes("\n") || /[\p{L}\p{N}$]/u.test(after)) return null;
  return isClearlyMath(source) ? { source, isDisplay: false, length: end + 1 } : null;
}

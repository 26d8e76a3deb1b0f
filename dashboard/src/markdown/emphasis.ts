/** Removes the delimiters of emphasis and strikethrough from text, as specified by CommonMark. */

/** A part of a text: the text itself, or a run of delimiters such as `**`. */
export type Part = string | Run;

export interface Run {
  readonly mark: "*" | "_" | "~";
  /** The number of characters that are not delimiters and are therefore shown. */
  count: number;
  readonly canOpen: boolean;
  readonly canClose: boolean;
}

const SPACE = /^\s?$/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;
/** Characters of languages without spaces between words. Delimiters next to them need no space. */
const CJK =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uffef]/u;

/**
 * Creates a run of delimiters.
 *
 * @param before The character before the run, or an empty string.
 * @param after The character after the run, or an empty string.
 */
export function makeRun(text: string, before: string, after: string): Run {
  const mark = text[0] as Run["mark"];
  const isEdge = (character: string) =>
    SPACE.test(character) || PUNCTUATION.test(character) || CJK.test(character);
  const isInner = (inner: string, outer: string) =>
    !SPACE.test(inner) && (!PUNCTUATION.test(inner) || CJK.test(inner) || isEdge(outer));
  const opens = isInner(after, before);
  const closes = isInner(before, after);
  const isWord = mark === "_" && opens && closes;
  return {
    mark,
    count: text.length,
    canOpen: opens && (!isWord || PUNCTUATION.test(before)),
    canClose: closes && (!isWord || PUNCTUATION.test(after)),
  };
}

/** Returns whether the two runs delimit emphasis. */
function isPair(opener: Run, closer: Run): boolean {
  if (opener.mark !== closer.mark || !opener.canOpen || opener.count === 0) return false;
  if (closer.mark === "~") return opener.count === 2 && closer.count === 2;
  const isAmbiguous = opener.canClose || closer.canOpen;
  return (
    !isAmbiguous ||
    (opener.count + closer.count) % 3 !== 0 ||
    (opener.count % 3 === 0 && closer.count % 3 === 0)
  );
}

/**
 * Joins the parts of a text and omits delimiters.
 *
 * @param isCut Whether the end of the text is missing. Delimiters without a counterpart are omitted.
 */
export function joinParts(parts: readonly Part[], isCut: boolean): string {
  let openers: Run[] = [];
  for (const closer of parts) {
    if (typeof closer === "string") continue;
    while (closer.canClose && closer.count > 0) {
      const opener = openers.findLast((one) => isPair(one, closer));
      if (!opener) break;
      const used = opener.count >= 2 && closer.count >= 2 ? 2 : 1;
      opener.count -= used;
      closer.count -= used;
      // Runs between the delimiters cannot be delimiters.
      openers = openers.slice(0, openers.indexOf(opener) + (opener.count > 0 ? 1 : 0));
    }
    if (closer.canOpen && closer.count > 0) openers.push(closer);
  }
  if (isCut) for (const opener of openers) if (opener.count === 2) opener.count = 0;
  return parts
    .map((part) => (typeof part === "string" ? part : part.mark.repeat(part.count)))
    .join("");
}

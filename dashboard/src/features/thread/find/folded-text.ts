/**
 * Text without case, accents, and differences in whitespace, which searches compare. The api folds
 * text in the same way.
 */

/** Returns the text in lower case, without accents, and with one space for each run of whitespace. */
export function fold(text: string): string {
  return text
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .replace(/\s+/g, " ");
}

/**
 * Returns the ranges of `text` that match a folded term, as pairs of indices. Matches do not
 * overlap.
 */
export function findAll(text: string, term: string): readonly (readonly [number, number])[] {
  if (term === "") return [];
  let folded = "";
  /** For each UTF-16 code unit of `folded`, the range of the character that it was made from. */
  const origins: [number, number][] = [];
  let index = 0;
  for (const character of text) {
    const range: [number, number] = [index, index + character.length];
    index = range[1];
    const part = /\s/.test(character) ? (folded.endsWith(" ") ? "" : " ") : fold(character);
    folded += part;
    for (let count = 0; count < part.length; count += 1) origins.push(range);
  }
  const found: [number, number][] = [];
  for (let at = folded.indexOf(term); at >= 0; at = folded.indexOf(term, at + term.length)) {
    const start = origins[at]?.[0];
    const end = origins[at + term.length - 1]?.[1];
    if (start !== undefined && end !== undefined) found.push([start, end]);
  }
  return found;
}

/** Compares the texts of drafts. */

/** Returns whether replacing `text` with `by` would lose any text. */
export function isLost(text: string, by: string): boolean {
  return text.trim() !== "" && !by.includes(text.trim());
}

function countCommon(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < most - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  return start + end;
}

/** Returns whether `by` replaces most of `text`, rather than continuing or correcting it. */
export function isOverwritten(text: string, by: string): boolean {
  return countCommon(text, by) < text.length / 2 && isLost(text, by);
}

/** Finds the words that differ between two versions of a line. */

/** A part of a line: from `start` to before `end`, in UTF-16 code units. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Longer differences are compared as a whole, to avoid delays. */
const MAX_WORDS = 150;
/** Lines that share a smaller part of their text were replaced rather than edited. */
const MIN_SHARED = 0.25;

const split = (line: string): readonly string[] =>
  line.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];

/** Returns the lengths of the longest common subsequences of all pairs of suffixes. */
function measureCommon(a: readonly string[], b: readonly string[]): readonly Uint16Array[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const row = lengths[i];
    for (let j = b.length - 1; row && j >= 0; j -= 1)
      row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  return lengths;
}

/** Returns whether each word is part of both lines. */
function findCommon(a: readonly string[], b: readonly string[]): [boolean[], boolean[]] {
  const [inA, inB] = [a.map(() => false), b.map(() => false)];
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) {
    [inA[start], inB[start]] = [true, true];
    start += 1;
  }
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    [endA, endB] = [endA - 1, endB - 1];
    [inA[endA], inB[endB]] = [true, true];
  }
  const [middleA, middleB] = [a.slice(start, endA), b.slice(start, endB)];
  if (Math.max(middleA.length, middleB.length) > MAX_WORDS) return [inA, inB];
  const lengths = measureCommon(middleA, middleB);
  for (let i = 0, j = 0; i < middleA.length && j < middleB.length; ) {
    if (middleA[i] === middleB[j]) {
      [inA[start + i], inB[start + j]] = [true, true];
      [i, j] = [i + 1, j + 1];
    } else if ((lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0)) i += 1;
    else j += 1;
  }
  return [inA, inB];
}

/** Returns the parts of a line that are not common, and the length of its words that are. */
function collect(words: readonly string[], isCommon: readonly boolean[]) {
  const ranges: { start: number; end: number }[] = [];
  let [position, shared] = [0, 0];
  for (const [index, word] of words.entries()) {
    const end = position + word.length;
    const last = ranges.at(-1);
    const isBlank = word.trim() === "";
    // A space between two different words belongs to the difference.
    const isBetween =
      isBlank && last?.end === position && index < words.length - 1 && !isCommon[index + 1];
    if (isCommon[index] && !isBlank) shared += word.length;
    if (!isCommon[index] || isBetween) {
      if (last?.end === position) last.end = end;
      else ranges.push({ start: position, end });
    }
    position = end;
  }
  return { ranges, shared };
}

/**
 * Returns the parts of each line that the other one does not have. Returns no parts if the lines
 * have little in common.
 */
export function compareWords(before: string, after: string): [readonly Range[], readonly Range[]] {
  const [a, b] = [split(before), split(after)];
  const [inA, inB] = findCommon(a, b);
  const [left, right] = [collect(a, inA), collect(b, inB)];
  const length = Math.max(before.replace(/\s/g, "").length, after.replace(/\s/g, "").length);
  if (left.shared < MIN_SHARED * length) return [[], []];
  return [left.ranges, right.ranges];
}

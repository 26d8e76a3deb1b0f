/** Ranges of consecutive turns. */
import type { Message } from "@/api/models";
import type { TurnRange } from "./state";

export function includes({ first, last }: TurnRange, turn: number): boolean {
  return turn >= first && turn <= last;
}

/** Returns whether the ranges overlap or one starts where the other one ends. */
export function adjoins(a: TurnRange, b: TurnRange): boolean {
  return a.first <= b.last + 1 && b.first <= a.last + 1;
}

/** Returns the range from the first to the last turn of both ranges. */
export function unite(a: TurnRange, b: TurnRange): TurnRange {
  return { first: Math.min(a.first, b.first), last: Math.max(a.last, b.last) };
}

/** A page of turns: the newest turns before `before`, or the oldest turns after `after`. */
export type PageBound = { readonly before: number } | { readonly after: number };

/**
 * Returns the turns that a page covers, including the numbers of deleted turns. `hasMore` is
 * whether there are more turns in the direction of the page.
 */
export function rangeOfPage(
  bound: PageBound,
  items: readonly Message[],
  hasMore: boolean,
): TurnRange {
  if ("before" in bound) {
    const first = hasMore ? (items[0]?.turn ?? bound.before) : 0;
    return { first, last: bound.before - 1 };
  }
  const last = hasMore ? (items.at(-1)?.turn ?? bound.after) : Number.POSITIVE_INFINITY;
  return { first: bound.after > 0 ? bound.after + 1 : 0, last };
}

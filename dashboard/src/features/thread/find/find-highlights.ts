/** Highlights matches in the thread with the CSS Custom Highlight API. */

import type { Match } from "./find-matches";
import { findAll } from "./folded-text";

/** The parts of a turn that contain its messages. */
const selectors = { user: "[data-user]", assistant: "[data-answer], [data-live]" } as const;
/** Elements that start a new line. */
const BLOCKS = "p, li, h1, h2, h3, h4, h5, h6, pre, td, th, div, blockquote, dt, dd, summary";
/** Text that is not part of the message. */
const HIDDEN = "button, .sr-only, [aria-hidden='true'], annotation";

/** Returns the ranges in an element's text that match a folded term. */
function findRanges(element: Element, term: string): readonly Range[] {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const parts: { node: Text; start: number }[] = [];
  let text = "";
  let block: Element | null = null;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!(node instanceof Text) || !parent || parent.closest(HIDDEN)) continue;
    const own = parent.closest(BLOCKS);
    // A match can extend across paragraphs, as in the message's source.
    if (block !== null && own !== block) text += "\n";
    block = own;
    parts.push({ node, start: text.length });
    text += node.data;
  }
  return findAll(text, term).flatMap(([start, end]) => {
    const first = parts.findLast((part) => part.start <= start);
    const last = parts.findLast((part) => part.start < end);
    if (!first || !last) return [];
    const range = document.createRange();
    range.setStart(first.node, Math.min(start - first.start, first.node.length));
    range.setEnd(last.node, Math.min(end - last.start, last.node.length));
    return [range];
  });
}

/** Returns the ranges of a match, if its row is rendered. */
export function findRangesOf(row: Element, role: Match["role"], term: string): readonly Range[] {
  return [...row.querySelectorAll(selectors[role])].flatMap((part) => findRanges(part, term));
}

/** Returns the row of a turn, if it is rendered. */
export function findRow(turn: number): Element | null {
  return document.querySelector(`main [role="log"] [data-turn="${turn}"]`);
}

/** Highlights all matches in rendered rows. The current one stands out. */
export function highlight(term: string, current: Range | null): void {
  if (!("highlights" in CSS)) return;
  const rows = document.querySelectorAll('main [role="log"] [data-turn]');
  const ranges =
    term === ""
      ? []
      : [...rows].flatMap((row) => [
          ...findRangesOf(row, "user", term),
          ...findRangesOf(row, "assistant", term),
        ]);
  CSS.highlights.set("find", new Highlight(...ranges));
  const active = new Highlight(...(current ? [current] : []));
  active.priority = 1;
  CSS.highlights.set("find-current", active);
}

/** Removes all highlights. */
export function clearHighlights(): void {
  if (!("highlights" in CSS)) return;
  CSS.highlights.delete("find");
  CSS.highlights.delete("find-current");
}

/** Converts the text of a Markdown block, such as a paragraph, to plain text. */

import { joinParts, makeRun, type Part } from "./emphasis";
import { decodeEntities } from "./entities";
import { HTML_TAG } from "./html-tags";
import { matchMath } from "./math";
import { normalizeLabel } from "./plain-blocks";

const ESCAPE = /\\([!-/:-@[-`{-~])/y;
const CODE = /(`+)(?!`)/y;
const AUTOLINK = /<([a-z][a-z\d+.-]*:[^\s<>]*|[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+)>/iy;
const COMMENT = /<!--[\s\S]*?-->/y;
const LABEL = /!?\[((?:[^\][\\]|\\.|\[(?:[^\][\\]|\\.)*\])*)\]/y;
const DESTINATION =
  /\(\s*(?:<[^<>\n]*>|(?:[^\s()]|\([^\s()]*\))*)(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)/y;
const CUT_DESTINATION = /\([^\s()]*$/y;
const REFERENCE = /\[([^\][]*)\]/y;
const ENTITY = /&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-z]{2,4});/y;
const DELIMITERS = /\*+|_+|~+/y;
/** Text without a character at which syntax may start. */
const TEXT = /[^\\`<![&*_~$]+/y;

/** Returns the last character before the position, which can consist of two code units. */
function characterBefore(text: string, position: number): string {
  return Array.from(text.slice(Math.max(0, position - 2), position)).at(-1) ?? "";
}

function characterAt(text: string, position: number): string {
  const code = text.codePointAt(position);
  return code === undefined ? "" : String.fromCodePoint(code);
}

/**
 * Converts the text of a block to plain text.
 *
 * @param definitions The labels of the link definitions in the document.
 * @param isCut Whether the end of the document is missing.
 */
export function toPlainInline(
  text: string,
  definitions: ReadonlySet<string>,
  isCut: boolean,
): string {
  const parts: Part[] = [];
  let position = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    return pattern.exec(text);
  };
  const add = (part: Part, length: number) => {
    parts.push(part);
    position += length;
  };

  while (position < text.length) {
    const plain = match(TEXT);
    if (plain) {
      add(plain[0], plain[0].length);
      continue;
    }
    const math = matchMath(text.slice(position), characterBefore(text, position));
    if (math) {
      add(math.source, math.length);
      continue;
    }
    const escaped = match(ESCAPE);
    if (escaped) {
      add(escaped[1] ?? "", 2);
      continue;
    }
    const ticks = match(CODE)?.[1];
    if (ticks) {
      const rest = text.slice(position + ticks.length);
      const end = rest.search(new RegExp(`(?<!\`)${ticks}(?!\`)`));
      if (end === -1) add(isCut ? "" : ticks, ticks.length);
      else add(rest.slice(0, end).replace(/^ (.*[^ ].*) $/s, "$1"), 2 * ticks.length + end);
      continue;
    }
    const autolink = match(AUTOLINK);
    if (autolink) {
      add(autolink[1] ?? "", autolink[0].length);
      continue;
    }
    const html = match(COMMENT) ?? match(HTML_TAG);
    if (html) {
      add(/^<br/i.test(html[0]) ? " " : "", html[0].length);
      continue;
    }
    const link = matchLink();
    if (link) {
      add(link.text, link.length);
      continue;
    }
    const entity = match(ENTITY);
    if (entity) {
      add(decodeEntities(entity[0]), entity[0].length);
      continue;
    }
    const run = match(DELIMITERS)?.[0];
    if (run) {
      const after = characterAt(text, position + run.length);
      add(makeRun(run, characterBefore(text, position), after), run.length);
      continue;
    }
    add(text[position] ?? "", 1);
  }
  return joinParts(parts, isCut);

  /** Returns the text of the link or image at the position. */
  function matchLink(): { text: string; length: number } | null {
    const start = position;
    const label = match(LABEL);
    if (!label) return null;
    const [all, name = ""] = label;
    if (name.startsWith("^")) return all.startsWith("!") ? null : { text: "", length: all.length };
    position += all.length;
    const reference = match(REFERENCE);
    const isDefined = definitions.has(normalizeLabel(reference?.[1] || name));
    const target =
      match(DESTINATION) ??
      (isCut ? match(CUT_DESTINATION) : null) ??
      (reference && isDefined ? reference : null);
    position = start;
    if (!target && !isDefined) return null;
    return {
      text: toPlainInline(name, definitions, isCut),
      length: all.length + (target?.[0].length ?? 0),
    };
  }
}

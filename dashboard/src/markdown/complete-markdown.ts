/**
 * Completes Markdown that is still being streamed, so that syntax whose end is missing is not shown
 * as text: math and HTML. The renderer completes the rest.
 */
import { HTML_TAG } from "./html-tags";
import { isProse, matchMath } from "./math";
import { INCOMPLETE_MATH, isTex, readFence } from "./math-blocks";

/** Longer math within a line is shown as text until its end arrives. In UTF-16 code units. */
const MAX_HIDDEN_LENGTH = 400;

const FENCE = /^(?: {0,3}(?:> ?|[-*+] |\d+[.)] ))*\s*(`{3,}|~{3,})(.*)$/gm;
const SYNTAX = /\\(?:[()[\]\\`$<]|$)|`+|\$\$/g;

/** Returns whether the text ends within a code fence. */
function isInFence(text: string): boolean {
  let fence = "";
  for (const [, mark = "", info = ""] of text.matchAll(FENCE)) fence = readFence(fence, mark, info);
  return fence !== "";
}

/** The parts of the last paragraph that are not within code. */
interface Tail {
  /** The start delimiter of math whose end is missing, and its position in the text. */
  readonly math: { readonly start: string; readonly position: number } | null;
  /** The ranges of the text that are within code spans. */
  readonly isCode: (position: number) => boolean;
}

function readTail(text: string, from: number): Tail {
  const codes: [number, number][] = [];
  let math = null as Tail["math"];
  let code: { readonly mark: string; readonly position: number } | null = null;
  SYNTAX.lastIndex = from;
  for (let found = SYNTAX.exec(text); found; found = SYNTAX.exec(text)) {
    const [mark] = found;
    const position = found.index;
    if (mark.startsWith("`")) {
      if (!code) code = { mark, position };
      else if (code.mark === mark) {
        codes.push([code.position, position + mark.length]);
        code = null;
      }
    } else if (code) {
      // A backslash has no meaning within code.
      if (mark.startsWith("\\")) SYNTAX.lastIndex = position + 1;
    } else if (mark === "\\(" || mark === "\\[") math ??= { start: mark, position };
    else if (mark === "$$")
      math = math?.start === "$$" ? null : (math ?? { start: mark, position });
    else if (mark === "\\)" && math?.start === "\\(") math = null;
    else if (mark === "\\]" && math?.start === "\\[") math = null;
  }
  if (code) codes.push([code.position, text.length]);
  return {
    math,
    isCode: (position) => codes.some(([start, end]) => start <= position && position < end),
  };
}

/** Hides math within a line. */
function hideMath(text: string, { math }: Tail): string {
  if (!math) return text;
  const content = text.slice(math.position + 2);
  return isProse(content) || content.length > MAX_HIDDEN_LENGTH
    ? text
    : text.slice(0, math.position);
}

/** Adds the missing end tags of elements within a paragraph. */
function completeHtml(text: string, from: number, { isCode }: Tail): string {
  const open: string[] = [];
  const tags = new RegExp(HTML_TAG.source, "gi");
  tags.lastIndex = from;
  for (let found = tags.exec(text); found; found = tags.exec(text)) {
    const [tag, name = ""] = found;
    if (isCode(found.index) || /^(?:br|details|summary)$/i.test(name)) continue;
    if (tag[1] !== "/") open.push(name);
    else if (open.at(-1) === name) open.pop();
  }
  return (
    text +
    open
      .reverse()
      .map((name) => `</${name}>`)
      .join("")
  );
}

/** Completes the last paragraph of a text. */
export function completeMarkdown(text: string): string {
  const from = Math.max(0, text.lastIndexOf("\n\n"));
  const end = text.slice(from);
  if (!/\\[([]|\$\$|<[a-z]/i.test(end) || isInFence(text)) return text;
  const tail = readTail(text, from);
  const completed = hideMath(text, tail);
  return completed === text ? completeHtml(text, from, tail) : completed;
}

/** Ends math within the last line of a text that is not continued, so that its source is shown. */
export function endMath(text: string): string {
  const from = text.lastIndexOf("\n") + 1;
  const line = text.slice(from);
  if (!/\\[([]|\$\$/.test(line) || /^[ \t>]*\|/.test(line) || isInFence(text)) return text;
  const { math } = readTail(text, Math.max(0, text.lastIndexOf("\n\n")));
  if (!math || math.position < from || !isTex(text.slice(math.position + 2))) return text;
  const end = { "\\(": "\\)", "\\[": "\\]" }[math.start] ?? "$$";
  const ended = `${text.trimEnd()} ${INCOMPLETE_MATH}${end}`;
  return matchMath(ended.slice(math.position), "") ? ended : text;
}

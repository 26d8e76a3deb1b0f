/** Splits a user's message into text and code. Only code and links are rendered in it. */

export type MessagePart =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "code";
      readonly text: string;
      readonly language: string | undefined;
      /** The rest of the info string. */
      readonly name: string | undefined;
    }
  /** Code without a fence. */
  | { readonly kind: "pasted"; readonly text: string };

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[ \t]*([^`]*)$/;

/** Signs of code in a line. */
const signs: readonly RegExp[] = [
  /[;{}]\s*$|[\w)\]]\s*[({[]$/,
  /^\s*[})\]]|^\s*<\/?[a-z][\w-]*(?:\s[^<>]*)?\/?>/i,
  /=>|->|::|[=!]==?|&&|\|\||:=|\+=|<\/\w|\/>/,
  /^\s*(?:import|from|const|let|var|def|fn|func|function|class|return|public|private|static|package|use|async|#include|#define|SELECT|INSERT INTO|UPDATE|CREATE TABLE)\b.*[\w"')\];:{(=>*]$/,
  /^\s*(?:if|for|while|elif|else|try|with|switch|case)\b.*[:{]$/,
  /[\w\])]\([^()]*\)\s*[;:{,.)]*$/,
  /^\s*(?:\/\/|#!|\/\*|\*\/|<!--)/,
  /^\s*(?:@\w+|[\w.$"'-]+\s*=\s*\S.*|["'][\w.-]+["']\s*:\s*\S.*|[\w.-]+:\s*["'\d[{].*)$/,
  /^\s+at .*:\d+\)?$|^\s+File ".*", line \d+/,
];
const LIST_ITEM = /^\s*(?:[-*+•]|\d+[.)])\s/;
const SENTENCE = /(?:^|\s)\p{L}+,? \p{L}+,? \p{L}+.*[.?!:]["')]?$/u;
const COMMENT = /^\s*\/\/|^\s+(?:#|--)\s|^\s*\*\s.*\*\/$/;
const INDENTED = /^(?:\t| {2,})\S/;

/** The minimum number of lines, not counting empty ones. */
const MIN_LINES = 3;
/** The minimum share of lines with signs of code. */
const MIN_SHARE = 0.6;

const hasSigns = (line: string) => signs.some((sign) => sign.test(line.trimEnd()));
const isCode = (line: string) => (hasSigns(line) || INDENTED.test(line)) && !isProse(line);
const isProse = (line: string) =>
  LIST_ITEM.test(line) || (SENTENCE.test(line.trimEnd()) && !COMMENT.test(line));

/** Splits text without fences into text and pasted code. */
function splitPasted(text: string): MessagePart[] {
  const parts: MessagePart[] = [];
  const lines = text.split("\n");
  let rest: string[] = [];
  const endText = () => {
    const joined = rest.join("\n").replace(/^(?:[ \t]*\n)+|\s+$/g, "");
    if (joined) parts.push({ kind: "text", text: joined });
    rest = [];
  };
  for (let start = 0; start < lines.length; ) {
    const end = isCode(lines[start] ?? "") ? findEnd(lines, start) : start;
    if (end === start) {
      rest.push(lines[start] ?? "");
      start++;
      continue;
    }
    endText();
    parts.push({ kind: "pasted", text: lines.slice(start, end).join("\n") });
    start = end;
  }
  endText();
  return parts;
}

/** Returns the end of the pasted code that begins at `start`, or `start` if there is none. */
function findEnd(lines: readonly string[], start: number): number {
  let end = start;
  let filled = 0;
  let code = 0;
  let signed = 0;
  let last = { end: start, filled: 0, code: 0, signed: 0 };
  for (; end < lines.length; end++) {
    const line = lines[end] ?? "";
    if (line.trim() === "") continue;
    if (isProse(line) && !hasSigns(line)) break;
    filled++;
    if (!isCode(line)) continue;
    code++;
    if (hasSigns(line)) signed++;
    last = { end: end + 1, filled, code, signed };
  }
  const isEnough = last.filled >= MIN_LINES && last.code / last.filled >= MIN_SHARE;
  return isEnough && last.signed >= 2 ? last.end : start;
}

/** Splits a user's message into text, fenced code, and pasted code. */
export function splitMessage(content: string): readonly MessagePart[] {
  const parts: MessagePart[] = [];
  let text: string[] = [];
  let code: string[] = [];
  let fence: { mark: string; language: string; name: string } | null = null;
  let opening = "";
  const endText = () => {
    parts.push(...splitPasted(text.join("\n")));
    text = [];
  };
  const endCode = () => {
    if (fence)
      parts.push({
        kind: "code",
        text: code.join("\n"),
        language: fence.language || undefined,
        name: fence.name.trim() || undefined,
      });
    fence = null;
    code = [];
  };
  for (const line of content.split(/\r\n|\r|\n/)) {
    const [, mark, language = "", name = ""] = FENCE.exec(line) ?? [];
    if (fence) {
      const isEnd = mark?.startsWith(fence.mark) && language === "" && name === "";
      if (isEnd) endCode();
      else code.push(line);
    } else if (mark) {
      endText();
      fence = { mark, language, name };
      opening = line;
    } else text.push(line);
  }
  // A fence without code is shown as typed.
  if (fence && code.join("").trim() === "") text.push(opening, ...code);
  else endCode();
  endText();
  return parts;
}

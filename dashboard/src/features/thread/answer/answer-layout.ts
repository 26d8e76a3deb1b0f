/** How an answer is framed: in a bubble that hugs its text, or without one. */
import { toPlainText } from "@/terminal/screen";

/** A longer answer is rich even without any syntax. In UTF-16 code units. */
const MAX_PLAIN_LENGTH = 1000;

/**
 * Syntax that needs the full width. Every pattern also matches any longer text, so that an answer
 * never changes back to a bubble while it is streamed: a line that can still change its meaning
 * must have ended.
 */
const patterns: readonly RegExp[] = [
  // Code fences.
  /^ {0,3}(?:> ?)*(?:`{3,}[^`\n]*|~{3,}[^\n]*)\n/m,
  // Indented code.
  /(?:^|\n[ \t]*\n)(?: {4}|\t)[ \t]*\S/,
  // Headings.
  /^ {0,3}(?:> ?)*#{1,6}[ \t]+\S/m,
  /\S[ \t]*\n {0,3}(?:=+|-{2,})[ \t]*\n/,
  // Lists. Within a paragraph, only the number 1 starts one.
  /^[ \t]*(?:> ?)*[-*+][ \t]+\S/m,
  /^[ \t]*(?:> ?)*1[.)][ \t]+\S/m,
  /(?:^|\n[ \t]*\n)[ \t]*\d{1,9}[.)][ \t]+\S/,
  // Tables.
  /\|[^\n]*\n[ \t]*(?:> ?)*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*\n/,
  // Images.
  /!\[[^\]\n]*\]\([^)\s]/,
  // Math in a block of its own.
  /^[ \t]*\$\$[^$]/m,
  /^[ \t]*\\\[[ \t]*\n/m,
  /^[ \t]*\\\[[^\n]*(?:[=^_{}+<>]|\\[a-z])[^\n]*\\\]/im,
  // Folded sections.
  /<details[\s>]/i,
];

/**
 * Returns whether an answer contains headings, tables, code, lists, images, math, or diagrams, or is
 * long, and is therefore shown without a bubble. Once an answer is rich, it remains so when text is
 * appended.
 */
export function isRich(text: string): boolean {
  return text.length > MAX_PLAIN_LENGTH || patterns.some((pattern) => pattern.test(text));
}

/** Returns whether the text has nothing to show, such as only line breaks. */
export function isBlank(text: string): boolean {
  return /^[\s\u200b\u2060\ufeff]*$/.test(text.includes("\u001b") ? toPlainText(text) : text);
}

/**
 * The classes of an agent's plain answer and of a rich one. They differ only in the bubble, so that no
 * word moves when an answer becomes rich. See styles/markdown.css.
 */
export const answerBubble = "answer rounded-bubble rounded-es-[6px] bg-bubble";
export const wideAnswer = "answer w-full";
/** The classes of terminal output. */
export const terminalAnswer = "answer rounded-[9px] border border-line bg-code";

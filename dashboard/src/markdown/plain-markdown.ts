/**
 * Converts Markdown to a line of plain text: the text of the rendered message. It is used for
 * previews and notifications, which are shown before the Markdown renderer is loaded.
 */
import { toPlainText } from "@/terminal/screen";
import { splitBlocks } from "./plain-blocks";
import { toPlainInline } from "./plain-inline";

/** The rest of a longer text is ignored. In UTF-16 code units. */
const MAX_LENGTH = 4000;

const toLine = (text: string) => text.replace(/\s+/g, " ").trim();

/**
 * Converts an agent's Markdown to a line of plain text.
 *
 * @param isCut Whether the end of the text is missing, as in the preview of a long message.
 */
export function toPlainMarkdown(text: string, isCut = false): string {
  return toPlain(text.slice(0, MAX_LENGTH), isCut || text.length > MAX_LENGTH);
}

/** Converts an agent's entire Markdown to a line of plain text, which is searched. */
export const toSearchableText = (text: string): string => toPlain(text, false);

function toPlain(text: string, isCut: boolean): string {
  const { blocks, definitions } = splitBlocks(toPlainText(text));
  const lines = blocks.map((block) =>
    block.isLiteral ? block.text : toPlainInline(block.text, definitions, isCut),
  );
  return toLine(lines.join("\n"));
}

/** Converts a user's message, in which only code fences are rendered, to a line of plain text. */
export function toPlainMessage(text: string): string {
  return toLine(
    toPlainText(text.slice(0, MAX_LENGTH)).replace(/^ {0,3}(?:`{3,}[^`\n]*|~{3,}.*)$/gm, ""),
  );
}

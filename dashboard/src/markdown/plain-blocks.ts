/** Splits Markdown into blocks of text, without the syntax of headings, lists, quotes, and tables. */

export interface TextBlock {
  readonly text: string;
  /** Whether the text is code or math, in which no other syntax applies. */
  readonly isLiteral: boolean;
}

const FENCE = /^ {0,3}(?:(`{3,})[^`]*|(~{3,}).*)$/;
const MATH_FENCE = /^\s*(?:\$\$|\\\[)\s*$/;
const MATH_FENCE_END = /^\s*(?:\$\$|\\\])\s*$/;
const QUOTE = /^ {0,3}> ?/;
const BULLET = /^\s*[-*+](?:\s+|$)(?:\[[ xX]\]\s+)?/;
const NUMBER = /^\s*\d{1,9}[.)](?:\s|$)/;
const HEADING = /^ {0,3}#{1,6}(?:\s+|$)/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const UNDERLINE = /^ {0,3}(?:=+|-+)[ \t]*$/;
const DEFINITION = /^ {0,3}\[([^\][]+)\]:\s*\S.*$/;
const FOOTNOTE = /^ {0,3}\[\^[^\][]+\]:\s*/;
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

/**
 * Splits a table row at each `|` that is not escaped, and joins its cells with spaces. An escaped `|`
 * is unescaped in code and math too.
 */
function joinCells(row: string): string {
  return row
    .trim()
    .replace(/^\||(?<!\\)\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replace(/\\\|/g, "|"))
    .join(" ");
}

const isTableRule = (line: string | undefined) => line?.includes("|") && TABLE_RULE.test(line);

/** Returns the name of a link definition for comparisons. */
export const normalizeLabel = (label: string) => label.trim().replace(/\s+/g, " ").toLowerCase();

/** Returns the blocks of a text and the labels of its link definitions. */
export function splitBlocks(markdown: string): {
  readonly blocks: readonly TextBlock[];
  readonly definitions: ReadonlySet<string>;
} {
  const blocks: TextBlock[] = [];
  const definitions = new Set<string>();
  let paragraph: string[] = [];
  let literal: string[] | null = null;
  let fence: RegExp | null = null;
  let isTable = false;

  const end = () => {
    if (paragraph.length > 0) blocks.push({ text: paragraph.join("\n"), isLiteral: false });
    paragraph = [];
  };
  const add = (text: string) => {
    end();
    paragraph = [text];
  };

  const lines = markdown.split(/\r\n|\r|\n/);
  for (const [index, raw] of lines.entries()) {
    if (literal && fence) {
      const inner = raw.replace(/^(?: {0,3}> ?)+/, "");
      if (!fence.test(inner)) literal.push(inner);
      else {
        blocks.push({ text: literal.join("\n"), isLiteral: true });
        literal = null;
      }
      continue;
    }
    let line = raw;
    while (QUOTE.test(line)) line = line.replace(QUOTE, "");
    if (line.trim() === "") {
      end();
      isTable = false;
      continue;
    }
    if (UNDERLINE.test(line) && paragraph.length > 0 && !isTable) {
      end();
      continue;
    }
    if (RULE.test(line)) {
      end();
      continue;
    }
    while (BULLET.test(line) || QUOTE.test(line)) {
      end();
      line = line.replace(BULLET.test(line) ? BULLET : QUOTE, "");
    }
    if (NUMBER.test(line)) end();
    const content = line.replace(NUMBER, "");
    const opening = FENCE.exec(content) ?? FENCE.exec(content.trimStart());
    if (opening) {
      end();
      const mark = opening[1] ?? opening[2] ?? "";
      fence = new RegExp(`^\\s*\\${mark[0]}{${mark.length},}\\s*$`);
      literal = [];
      continue;
    }
    if (MATH_FENCE.test(content)) {
      end();
      fence = MATH_FENCE_END;
      literal = [];
      continue;
    }
    if (HEADING.test(line)) {
      add(line.replace(HEADING, "").replace(/\s+#+\s*$/, ""));
      end();
      continue;
    }
    if (FOOTNOTE.test(line)) {
      add(line.replace(FOOTNOTE, ""));
      continue;
    }
    const label = paragraph.length === 0 ? DEFINITION.exec(line)?.[1] : undefined;
    if (label) {
      definitions.add(normalizeLabel(label));
      continue;
    }
    const next = lines[index + 1]?.replace(/^(?:\s*> ?)+/, "");
    if (!isTable && line.includes("|") && isTableRule(next)) isTable = true;
    if (!isTable) paragraph.push(line);
    else if (!isTableRule(line)) add(joinCells(line));
  }
  if (literal) blocks.push({ text: literal.join("\n"), isLiteral: true });
  end();
  return { blocks, definitions };
}

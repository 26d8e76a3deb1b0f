import { parseMarkdownIntoBlocks } from "streamdown";

/**
 * Splits Markdown into blocks that are rendered separately, so that only the last one is rendered
 * again when text is appended. Blocks are split only at blank lines, because syntax such as math can
 * continue in a line that would otherwise start a new block.
 */
export function splitBlocks(markdown: string): string[] {
  const blocks: string[] = [];
  for (const block of parseMarkdownIntoBlocks(markdown)) {
    const last = blocks.at(-1);
    if (last === undefined || /\n[^\S\n]*\n$/.test(last)) blocks.push(block);
    else blocks[blocks.length - 1] = last + block;
  }
  return blocks;
}

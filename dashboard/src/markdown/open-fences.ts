import type { Element, Nodes, Root } from "hast";

/** The last line of a closed code fence, after the prefixes of quotes. */
const CLOSED = /\n[ \t>]*(?:`{3,}|~{3,})[ \t]*$/;

/**
 * A plugin that sets `data-open` on code blocks whose closing fence is missing, because their code
 * may be incomplete.
 */
export function markOpenFences() {
  return (root: Root, file: { value: unknown }): void => visit(root, String(file.value));
}

function visit(node: Nodes, source: string): void {
  if (!("children" in node)) return;
  if (node.type === "element" && node.tagName === "pre" && isOpen(node, source))
    node.properties.dataOpen = "";
  for (const child of node.children) visit(child, source);
}

function isOpen({ position }: Element, source: string): boolean {
  const code = source.slice(position?.start.offset ?? 0, position?.end.offset ?? 0);
  return /^(?:`{3}|~{3})/.test(code) && !CLOSED.test(code);
}

import type { Nodes, Root } from "hast";

const BLOCKS: ReadonlySet<string> = new Set(
  "p h1 h2 h3 h4 h5 h6 ul ol blockquote table details".split(" "),
);

/**
 * A plugin that gives each block the direction of its text, so that lists, quotes, and tables in
 * right-to-left languages are mirrored.
 */
export function setDirection() {
  return (root: Root): void => visit(root);
}

function visit(node: Nodes): void {
  if (!("children" in node)) return;
  if (node.type === "element" && BLOCKS.has(node.tagName)) node.properties.dir = "auto";
  for (const child of node.children) visit(child);
}

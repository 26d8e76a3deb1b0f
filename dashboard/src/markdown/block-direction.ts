import type { Nodes, Root } from "hast";

const BLOCKS: ReadonlySet<string> = new Set(
  "p h1 h2 h3 h4 h5 h6 ul ol blockquote table details".split(" "),
);
/** Elements whose text has no influence on the direction of the text around them. */
const ISOLATED: ReadonlySet<string> = new Set(["code", "kbd", "samp", "pre"]);

const LETTER = /\p{L}/u;
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/**
 * A plugin that gives each block the direction of its first letter, so that lists, quotes, and tables
 * in right-to-left languages are mirrored. Browsers would ignore the text in nested blocks.
 */
export function setDirection() {
  return (root: Root): void => visit(root);
}

function visit(node: Nodes): void {
  if (!("children" in node)) return;
  if (node.type === "element" && BLOCKS.has(node.tagName)) {
    const letter = findLetter(node);
    if (letter) node.properties.dir = RIGHT_TO_LEFT.test(letter) ? "rtl" : "ltr";
  }
  for (const child of node.children) visit(child);
}

function findLetter(node: Nodes): string | null {
  if (node.type === "text") return LETTER.exec(node.value)?.[0] ?? null;
  if (!("children" in node) || (node.type === "element" && ISOLATED.has(node.tagName))) return null;
  for (const child of node.children) {
    const letter = findLetter(child);
    if (letter) return letter;
  }
  return null;
}

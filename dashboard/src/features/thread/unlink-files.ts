/** What is used of an HTML tree's node. */
interface Node {
  type: string;
  tagName?: string;
  properties?: Record<string, unknown>;
  children?: Node[];
}

/** Addresses that lead somewhere from here, and places in the answer itself. */
const LEADS_SOMEWHERE = /^(https?:|mailto:|tel:|#)/i;

/**
 * Shows links that lead nowhere as their text. Agents link the files they work on, as
 * `src/main.rs:3`, and from this page there is no way to those.
 */
export function unlinkFiles() {
  return (tree: Node): void => visit(tree);
}

function visit(node: Node): void {
  for (const child of node.children ?? []) {
    const { href } = child.properties ?? {};
    if (child.tagName === "a" && !LEADS_SOMEWHERE.test(String(href ?? ""))) {
      child.tagName = "span";
      child.properties = typeof href === "string" ? { title: href } : {};
    }
    visit(child);
  }
}

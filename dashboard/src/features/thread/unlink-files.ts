/** What is used of an HTML tree's node. */
interface Node {
  type: string;
  tagName?: string;
  properties?: Record<string, unknown>;
  children?: Node[];
  value?: string;
}

/** Addresses that lead somewhere from here, and places in the answer itself. */
const LEADS_SOMEWHERE = /^(https?:|mailto:|tel:|#)/i;
const IS_ON_THE_WEB = /^https?:/i;

/**
 * Shows links and images that lead nowhere as their text. Agents link the files they work on, as
 * `src/main.rs:3` or `plot.png`, and from this page there is no way to those.
 */
export function unlinkFiles() {
  return (tree: Node): void => visit(tree);
}

function visit(node: Node): void {
  for (const child of node.children ?? []) {
    const { href, src, alt } = child.properties ?? {};
    if (child.tagName === "a" && !LEADS_SOMEWHERE.test(String(href ?? ""))) unlink(child, href);
    else if (child.tagName === "img" && !IS_ON_THE_WEB.test(String(src ?? ""))) {
      unlink(child, src);
      child.children = [{ type: "text", value: String(alt || src || "") }];
    }
    visit(child);
  }
}

function unlink(node: Node, address: unknown): void {
  node.tagName = "span";
  node.properties = typeof address === "string" ? { title: address } : {};
}

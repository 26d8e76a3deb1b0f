import { texts } from "@/texts";

/** The properties of a HAST node that this plugin uses. */
interface Node {
  type: string;
  tagName?: string;
  properties?: Record<string, unknown>;
  children?: Node[];
  value?: string;
}

/** URLs that a browser can open, and anchors within the answer. */
const LINK_ADDRESS = /^(https?:|mailto:|tel:|#)/i;
const WEB_ADDRESS = /^https?:/i;
/** The address that the renderer gives to images whose address is still being streamed. */
const INCOMPLETE_ADDRESS = "streamdown:incomplete-image";

/**
 * Replaces links and images with their text if the browser cannot open them. Agents often link to
 * files that they are working on, such as `src/main.rs:3`. An image without a text and an address has
 * a placeholder.
 */
export function unlinkFiles() {
  return (tree: Node): void => visit(tree);
}

function visit(node: Node): void {
  for (const child of node.children ?? []) {
    const { href, src, alt } = child.properties ?? {};
    if (child.tagName === "a" && !LINK_ADDRESS.test(String(href ?? ""))) unlink(child, href);
    else if (child.tagName === "img" && !WEB_ADDRESS.test(String(src ?? ""))) {
      const isIncomplete = src === INCOMPLETE_ADDRESS;
      unlink(child, isIncomplete ? undefined : src);
      const value = String(alt || (isIncomplete ? "" : src || texts.reading.image));
      child.children = [{ type: "text", value }];
    }
    visit(child);
  }
}

function unlink(node: Node, address: unknown): void {
  node.tagName = "span";
  node.properties = typeof address === "string" ? { title: address } : {};
}

import { texts } from "@/texts";

/** The properties of a HAST node that this plugin uses. */
interface Node {
  type: string;
  tagName?: string;
  properties?: Record<string, unknown>;
  children?: Node[];
  value?: string;
}

/** URLs that a browser can open. */
const LINK_ADDRESS = /^(https?:|mailto:|tel:)/i;
const WEB_ADDRESS = /^https?:/i;
/** The address that the renderer gives to images whose address is still being streamed. */
const INCOMPLETE_ADDRESS = "streamdown:incomplete-image";

/**
 * Replaces links and images with their text if the browser cannot open them. Agents often link to
 * files that they are working on, such as `src/main.rs:3`, and to headings, which have no IDs. An
 * image without a text and an address has a placeholder. Links and images within a link are replaced
 * too.
 */
export function unlinkFiles() {
  return (tree: Node): void => visit(tree, false);
}

function visit(node: Node, isInLink: boolean): void {
  for (const child of node.children ?? []) {
    if (child.tagName === "a" && (isInLink || !isLink(child)))
      unlink(child, child.properties?.href);
    else if (child.tagName === "img") replaceImage(child, isInLink);
    visit(child, isInLink || child.tagName === "a");
  }
}

/** Returns whether an element links to a page or, as footnotes do, within the answer. */
function isLink({ properties = {} }: Node): boolean {
  const isFootnote = "dataFootnoteRef" in properties || "dataFootnoteBackref" in properties;
  return isFootnote || LINK_ADDRESS.test(String(properties.href ?? ""));
}

/** Replaces an image with its text unless the browser can open it. */
function replaceImage(node: Node, isInLink: boolean): void {
  const { src, alt } = node.properties ?? {};
  if (!isInLink && WEB_ADDRESS.test(String(src ?? ""))) return;
  const isIncomplete = src === INCOMPLETE_ADDRESS;
  unlink(node, isIncomplete ? undefined : src);
  const value = String(alt || (isIncomplete ? "" : src || texts.reading.image));
  node.children = [{ type: "text", value }];
}

function unlink(node: Node, address: unknown): void {
  node.tagName = "span";
  node.properties = typeof address === "string" ? { title: address } : {};
}

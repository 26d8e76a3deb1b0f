import type { Nodes, Root } from "hast";

/**
 * A plugin that writes the protocols of web addresses in lower case, because the sanitizer removes
 * addresses such as `HTTPS://example.com`.
 */
export function lowerProtocols() {
  return (root: Root): void => visit(root);
}

function visit(node: Nodes): void {
  if (!("children" in node)) return;
  if (node.type === "element")
    for (const name of ["href", "src"]) {
      const address = node.properties[name];
      if (typeof address === "string")
        node.properties[name] = address.replace(/^https?:/i, (protocol) => protocol.toLowerCase());
    }
  for (const child of node.children) visit(child);
}

/** The text of a table in an answer, in formats for other applications. */
import type { Element, ElementContent, RootContent } from "hast";
import type { PhrasingContent, Table, TableRow } from "mdast";
import { gfmToMarkdown } from "mdast-util-gfm";
import { toMarkdown } from "mdast-util-to-markdown";
import { INLINE_MATH } from "@/markdown/math-syntax";

type Align = "left" | "center" | "right" | null;

/**
 * Returns the table as CSV (RFC 4180). The cells contain their text as it is shown, and the source
 * of math. Spreadsheets may evaluate a cell that begins with `=`: it is not changed, because a
 * copy that differs from the table would be wrong everywhere else.
 */
export function toCsv(table: Element): string {
  return rowsOf(table)
    .map((row) => `${row.map((cell) => quote(plainText(cell))).join(",")}\r\n`)
    .join("");
}

/** Returns the table as HTML without styles, which spreadsheets paste as cells. */
export function toHtml(table: Element): string {
  const rows = rowsOf(table).map((row) => {
    const cells = row.map(
      (cell) => `<${cell.tagName}>${escapeHtml(plainText(cell))}</${cell.tagName}>`,
    );
    return `<tr>${cells.join("")}</tr>`;
  });
  return `<table>${rows.join("")}</table>`;
}

/** Returns the table as Markdown, with the formatting of its cells and the alignment of its columns. */
export function toMarkdownTable(table: Element): string {
  const rows = rowsOf(table);
  const tree: Table = {
    type: "table",
    align: (rows[0] ?? []).map(alignOf),
    children: rows.map(
      (row): TableRow => ({
        type: "tableRow",
        children: row.map((cell) => ({
          type: "tableCell",
          children: contentOf(cell).flatMap(toPhrasing),
        })),
      }),
    ),
  };
  return toMarkdown(tree, { extensions: [gfmToMarkdown()] });
}

/** Returns the cells of each row. */
function rowsOf(table: Element): readonly (readonly Element[])[] {
  return findAll(table, ["tr"]).map((row) => findAll(row, ["th", "td"]));
}

/** Returns the outermost descendants with one of the names. */
function findAll(element: Element, names: readonly string[]): readonly Element[] {
  return element.children.flatMap((child) => {
    if (child.type !== "element") return [];
    return names.includes(child.tagName) ? [child] : findAll(child, names);
  });
}

function plainText(node: RootContent): string {
  if (node.type === "text") return node.value;
  if (node.type !== "element") return "";
  if (node.tagName === "br") return "\n";
  if (node.tagName === "img") return String(node.properties.alt ?? "");
  return contentOf(node).map(plainText).join("");
}

/** Returns the children of an element, without the line break that follows a `br` in the text. */
function contentOf({ children }: Element): readonly ElementContent[] {
  return children.map((child, index) => {
    const previous = children[index - 1];
    const follows = previous?.type === "element" && previous.tagName === "br";
    if (child.type !== "text" || !follows) return child;
    return { ...child, value: child.value.replace(/^\n/, "") };
  });
}

function quote(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("\n", "<br>");
}

function alignOf({ properties }: Element): Align {
  const { align } = properties;
  return align === "left" || align === "center" || align === "right" ? align : null;
}

/** Converts the content of a cell. Elements without Markdown syntax are reduced to their content. */
function toPhrasing(node: ElementContent): PhrasingContent[] {
  if (node.type === "text") return [{ type: "text", value: node.value.replaceAll("\n", " ") }];
  if (node.type !== "element") return [];
  const children = () => contentOf(node).flatMap(toPhrasing);
  switch (node.tagName) {
    case "strong":
    case "b":
      return [{ type: "strong", children: children() }];
    case "em":
    case "i":
      return [{ type: "emphasis", children: children() }];
    case "del":
    case "s":
      return [{ type: "delete", children: children() }];
    case "code":
      return [
        isMath(node) ? math(plainText(node)) : { type: "inlineCode", value: plainText(node) },
      ];
    case "a":
      return [{ type: "link", url: String(node.properties.href ?? ""), children: children() }];
    case "img":
      return [{ type: "image", url: String(node.properties.src ?? ""), alt: plainText(node) }];
    case "br":
      return [{ type: "html", value: "<br>" }];
    default:
      return children();
  }
}

function isMath({ properties }: Element): boolean {
  return [properties.className].flat().includes(`language-${INLINE_MATH}`);
}

const math = (source: string): PhrasingContent => ({
  type: "html",
  value: `$${source.replaceAll("|", "\\|")}$`,
});

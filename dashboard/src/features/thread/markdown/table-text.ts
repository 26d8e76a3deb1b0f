/** The text of a table in an answer, in formats for other applications. */
import type { Element, ElementContent, RootContent } from "hast";
import type { PhrasingContent, Table, TableRow } from "mdast";
import { gfmToMarkdown } from "mdast-util-gfm";
import { toMarkdown } from "mdast-util-to-markdown";
import { matchMath } from "@/markdown/math";
import { BACKSLASH_MATH, DISPLAY_MATH, INLINE_MATH } from "@/markdown/math-syntax";

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
  // A dollar sign is escaped only where it could begin or end math.
  const unsafe = rows.flat().some(hasAmbiguousDollar)
    ? [{ character: "$", inConstruct: "phrasing" as const }]
    : [];
  return toMarkdown(tree, { extensions: [gfmToMarkdown()], unsafe });
}

/** Returns whether the text of a cell contains a dollar sign that would be read as part of math. */
function hasAmbiguousDollar(cell: Element): boolean {
  const text = plainText(cell);
  const starts = [...text.matchAll(/\$/g)].map(({ index }) => index);
  if (starts.length === 0) return false;
  if (findAll(cell, ["code"]).some(isMath)) return true;
  return starts.some((start) => matchMath(text.slice(start), text[start - 1] ?? "") !== null);
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
      return [isMath(node) ? toMath(node) : { type: "inlineCode", value: plainText(node) }];
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

const classesOf = ({ properties }: Element) => [properties.className].flat();

function isMath(element: Element): boolean {
  const classes = classesOf(element);
  return [INLINE_MATH, DISPLAY_MATH].some((kind) => classes.includes(`language-${kind}`));
}

/** Returns math with the delimiters that the answer has. */
function toMath(element: Element): PhrasingContent {
  const classes = classesOf(element);
  const isDisplay = classes.includes(`language-${DISPLAY_MATH}`);
  const [start, end] = classes.includes(BACKSLASH_MATH)
    ? isDisplay
      ? ["\\[", "\\]"]
      : ["\\(", "\\)"]
    : isDisplay
      ? ["$$", "$$"]
      : ["$", "$"];
  const source = plainText(element).replaceAll("|", "\\|");
  return { type: "html", value: `${start}${source}${end}` };
}

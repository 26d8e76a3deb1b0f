/**
 * Replaces HTML in a document: the elements in `HTML_ELEMENTS` without their attributes, comments
 * with nothing, and all other HTML with its text.
 */
import type { Html, Nodes, Parent, PhrasingContent, Root, RootContent } from "mdast";
import { decodeEntities } from "./entities";
import { HTML_TAG } from "./html-tags";

interface HtmlElement extends Parent {
  type: "htmlElement";
  data: { hName: string };
}

declare module "mdast" {
  interface PhrasingContentMap {
    htmlElement: HtmlElement;
  }
  interface RootContentMap {
    htmlElement: HtmlElement;
  }
}

/** A start or end tag of a rendered element. */
interface Tag {
  readonly type: "tag";
  readonly name: string;
  readonly isEnd: boolean;
  readonly source: string;
}

type Piece = Tag | Nodes;

/** Elements that contain blocks, whose tags can be in separate blocks. */
const SECTIONS: ReadonlySet<string> = new Set(["details", "summary"]);
/** Marks the end of an HTML block, whose text is not joined with that of the next one. */
const BLOCK_END: Nodes = { type: "text", value: "" };
const COMMENT = /<!--[\s\S]*?(?:-->|$)/y;

const isTag = (piece: Piece | undefined): piece is Tag => piece?.type === "tag";
const toText = (value: string): Nodes => ({ type: "text", value });

/** Splits HTML into tags and text. */
function split(html: string): Piece[] {
  const pieces: Piece[] = [];
  let text = "";
  const end = () => {
    if (text) pieces.push(toText(text.includes("<") ? text : decodeEntities(text)));
    text = "";
  };
  for (let position = 0; position < html.length; ) {
    const match = (pattern: RegExp) => {
      pattern.lastIndex = position;
      return html[position] === "<" ? pattern.exec(html) : null;
    };
    const tag = match(HTML_TAG);
    const skipped = tag ?? match(COMMENT);
    if (!skipped) {
      text += html[position];
      position++;
      continue;
    }
    end();
    position += skipped[0].length;
    const name = tag?.[1]?.toLowerCase();
    if (name === "br") pieces.push({ type: "break" });
    else if (name)
      pieces.push({ type: "tag", name, isEnd: skipped[0][1] === "/", source: skipped[0] });
  }
  end();
  return pieces;
}

/**
 * Replaces each pair of tags with an element. Tags without a counterpart become text.
 *
 * @param names The names of the elements. Other tags are left alone.
 * @param isOpenEnded Whether elements without an end tag continue to the end.
 */
function pair(pieces: readonly Piece[], names: (name: string) => boolean, isOpenEnded: boolean) {
  const done: Piece[] = [];
  /** The positions of the start tags. */
  const starts: number[] = [];
  const wrap = (start: number) => {
    const [tag, ...children] = done.splice(start);
    if (isTag(tag)) done.push(makeElement(tag.name, children.map(tagToText)));
  };
  for (const piece of pieces) {
    if (!isTag(piece) || !names(piece.name)) done.push(piece);
    else if (!piece.isEnd) starts.push(done.push(piece) - 1);
    else {
      const index = starts.findLastIndex((start) => {
        const tag = done[start];
        return isTag(tag) && tag.name === piece.name;
      });
      const start = starts[index];
      if (start === undefined) {
        done.push(tagToText(piece));
        continue;
      }
      wrap(start);
      starts.length = index;
    }
  }
  if (isOpenEnded) for (const start of starts.toReversed()) wrap(start);
  return done.map((piece) => (isTag(piece) && names(piece.name) ? tagToText(piece) : piece));
}

const tagToText = (piece: Piece): Nodes => (isTag(piece) ? toText(piece.source) : piece);
const makeElement = (hName: string, children: Nodes[]): Nodes => ({
  type: "htmlElement",
  data: { hName },
  children: children as RootContent[],
});

/** The types of nodes that occur within paragraphs. */
const PHRASING: ReadonlySet<string> = new Set(["text", "break", "htmlElement"]);

const isSection = (node: Nodes) => node.type === "htmlElement" && SECTIONS.has(node.data.hName);

/** Wraps successive text in paragraphs, except within a summary. */
function wrapText(nodes: readonly Nodes[]): RootContent[] {
  const blocks: RootContent[] = [];
  let line: Nodes[] = [];
  const end = () => {
    const first = line[0];
    const last = line.at(-1);
    if (first?.type === "text") first.value = first.value.trimStart();
    if (last?.type === "text") last.value = last.value.trimEnd();
    const isEmpty = line.every((node) => node.type === "text" && node.value === "");
    if (!isEmpty) blocks.push({ type: "paragraph", children: line as PhrasingContent[] });
    line = [];
  };
  for (const node of nodes) {
    if (node === BLOCK_END) end();
    else if (PHRASING.has(node.type) && !isSection(node)) line.push(node);
    else {
      end();
      if (node.type === "htmlElement" && node.data.hName === "details")
        node.children = wrapText(node.children);
      blocks.push(node as RootContent);
    }
  }
  end();
  return blocks;
}

function replaceBlocks(nodes: readonly Nodes[]): RootContent[] {
  const pieces = nodes.flatMap((node): Piece[] =>
    node.type === "html"
      ? [...pair(split(node.value), (name) => !SECTIONS.has(name), false), BLOCK_END]
      : [node],
  );
  return wrapText(pair(pieces, (name) => SECTIONS.has(name), true).map(tagToText));
}

function replaceInline(nodes: readonly Nodes[]): PhrasingContent[] {
  const pieces = nodes.flatMap((node): Piece[] =>
    node.type === "html" ? split((node as Html).value) : [node],
  );
  return pair(pieces, (name) => !SECTIONS.has(name), false).map(tagToText) as PhrasingContent[];
}

const CONTAINERS: ReadonlySet<string> = new Set([
  "root",
  "blockquote",
  "listItem",
  "footnoteDefinition",
]);

function visit(node: Nodes): void {
  if (!("children" in node)) return;
  for (const child of node.children) visit(child);
  if (!node.children.some((child) => child.type === "html")) return;
  const parent = node as { children: Nodes[] };
  parent.children = CONTAINERS.has(node.type)
    ? replaceBlocks(node.children)
    : replaceInline(node.children);
}

/** A plugin that replaces HTML. */
export function replaceHtml() {
  return (root: Root): void => visit(root);
}

/** The Markdown renderer, which is loaded lazily: import it only through `markdown.tsx`. */
import { type ComponentProps, isValidElement, type ReactNode } from "react";
import { type Components, defaultRehypePlugins, Streamdown } from "streamdown";
import { texts } from "@/texts";
import { CodeBlock } from "./code-block";
import { unlinkFiles } from "./unlink-files";

type Props<Tag extends keyof React.JSX.IntrinsicElements> = ComponentProps<Tag> & {
  node?: unknown;
};

/**
 * Follows a link to or from a footnote within the same answer. Other answers may contain the same
 * IDs.
 */
function followFootnote(event: React.MouseEvent<HTMLAnchorElement>) {
  event.preventDefault();
  const name = decodeURIComponent(event.currentTarget.hash.slice(1));
  const named = event.currentTarget.closest(".markdown")?.querySelectorAll<HTMLElement>("[id]");
  const target = [...(named ?? [])].find(({ id }) => id === name);
  (target?.matches("a") ? target : target?.querySelector("a"))?.focus();
}

function Anchor({ node: _node, className: _class, ...props }: Props<"a">) {
  const { href } = props;
  if (href?.startsWith("#")) return <a {...props} href={href} onClick={followFootnote} />;
  return <a {...props} target="_blank" rel="noopener noreferrer" />;
}

/**
 * A link to an image. Images are not loaded, because loading them would reveal the reader's IP
 * address to the image server.
 */
function Image({ src, alt }: Props<"img">) {
  return (
    <a href={src} target="_blank" rel="noopener noreferrer">
      {alt || src}
    </a>
  );
}

function Table({ node: _node, className: _class, ...props }: Props<"table">) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be focusable.
    <div tabIndex={0} className="max-w-full overflow-x-auto rounded-xl border border-line bg-code">
      <table {...props} className="w-full" />
    </div>
  );
}

function textOf(node: ReactNode): string {
  if (typeof node === "string" || typeof node === "number") return String(node);
  if (Array.isArray(node)) return node.map(textOf).join("");
  if (isValidElement<{ children?: ReactNode }>(node)) return textOf(node.props.children);
  return "";
}

/** A fenced code block. The language and the rest of the info string come from the inner `code`. */
function Pre({ children }: Props<"pre">) {
  const code = isValidElement<{ className?: string; node?: { data?: { meta?: string } } }>(children)
    ? children
    : null;
  const language = /language-(\S+)/.exec(code?.props.className ?? "")?.[1];
  const meta = code?.props.node?.data?.meta;
  const text = textOf(children).replace(/\n$/, "");
  return <CodeBlock code={text} language={language} name={meta} />;
}

function Code({ node: _node, className: _class, ...props }: Props<"code">) {
  return <code {...props} />;
}

/**
 * A checkbox in a task list. The text of the item is not associated with the checkbox, so the
 * checkbox gets a separate label.
 */
function Box({ node: _node, className: _class, ...props }: Props<"input">) {
  return (
    <input
      {...props}
      aria-label={props.checked ? texts.thread.completedTask : texts.thread.incompleteTask}
    />
  );
}

/** Elements that replace the renderer's own. They are styled in styles/markdown.css. */
const components: Components = {
  a: Anchor,
  img: Image,
  table: Table,
  pre: Pre,
  code: Code,
  input: Box,
  h1: "h1",
  h2: "h2",
  h3: "h3",
  h4: "h4",
  h5: "h5",
  h6: "h6",
  p: "p",
  ul: "ul",
  ol: "ol",
  li: "li",
  blockquote: "blockquote",
  hr: "hr",
  strong: "strong",
  thead: "thead",
  tbody: "tbody",
  tr: "tr",
  th: "th",
  td: "td",
};

/** `raw` is omitted so that HTML in answers is dropped. */
const { raw: _raw, ...safePlugins } = defaultRehypePlugins;
// `unlinkFiles` must run after unsafe URLs are removed and before `harden`, which marks links
// without a valid URL as blocked.
const rehypePlugins = Object.entries(safePlugins).flatMap(([name, plugin]) =>
  name === "harden" ? [unlinkFiles, plugin] : [plugin],
);

export function MarkdownView(props: { text: string; isStreaming: boolean }) {
  return (
    <Streamdown
      className="markdown"
      mode={props.isStreaming ? "streaming" : "static"}
      parseIncompleteMarkdown={props.isStreaming}
      components={components}
      rehypePlugins={rehypePlugins}
      linkSafety={{ enabled: false }}
      controls={false}
    >
      {props.text}
    </Streamdown>
  );
}

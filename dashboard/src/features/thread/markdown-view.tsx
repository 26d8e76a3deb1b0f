/** The Markdown renderer. Loaded lazily: import it through `markdown.tsx` only. */
import { type ComponentProps, isValidElement, type ReactNode } from "react";
import { type Components, defaultRehypePlugins, Streamdown } from "streamdown";
import { texts } from "@/texts";
import { CodeBlock } from "./code-block";

type Props<Tag extends keyof React.JSX.IntrinsicElements> = ComponentProps<Tag> & {
  node?: unknown;
};

function Anchor({ node: _node, className: _class, ...props }: Props<"a">) {
  return <a {...props} target="_blank" rel="noopener noreferrer" />;
}

/** Images from elsewhere are not loaded: that would tell their server who reads what. */
function Image({ src, alt }: Props<"img">) {
  if (typeof src !== "string") return <span>{alt}</span>;
  return (
    <a href={src} target="_blank" rel="noopener noreferrer">
      {alt || src}
    </a>
  );
}

function Table({ node: _node, className: _class, ...props }: Props<"table">) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide one is scrolled with the arrows.
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

/** A fenced block: the inner `code` carries the language and what else the fence says. */
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

/** A task list's box. Its text stands beside it, but not as its name. */
function Box({ node: _node, className: _class, ...props }: Props<"input">) {
  return <input {...props} aria-label={props.checked ? texts.thread.done : texts.thread.toDo} />;
}

/** A tag's name stands for the plain element: its look is in styles/markdown.css. */
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

/** Without `raw`: HTML in an answer is shown as nothing rather than obeyed. */
const { raw: _raw, ...safePlugins } = defaultRehypePlugins;
const rehypePlugins = Object.values(safePlugins);

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

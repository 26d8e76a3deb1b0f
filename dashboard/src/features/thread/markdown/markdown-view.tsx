/** The Markdown renderer, which is loaded lazily: import it only through `markdown.tsx`. */
import type { Element } from "hast";
import {
  type ComponentProps,
  createContext,
  isValidElement,
  type ReactNode,
  useContext,
  useState,
} from "react";
import { type Components, Streamdown } from "streamdown";
import { completeMarkdown, endMath } from "@/markdown/complete-markdown";
import { prepareMath } from "@/markdown/math-blocks";
import { DISPLAY_MATH, INLINE_MATH } from "@/markdown/math-syntax";
import { rehypePlugins, remarkPlugins } from "@/markdown/plugins";
import { splitBlocks } from "@/markdown/split-blocks";
import { texts } from "@/texts";
import { CodeBlock } from "./code-block";
import { Diagram } from "./diagram";
import { MathBlock, MathText } from "./math";
import { ScrollArea } from "./scroll-area";
import { TableActions } from "./table-actions";

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

/**
 * A table, which is as wide as its content requires. Its area scrolls if the columns do not fit at
 * their minimum width.
 */
function Table({ node, className: _class, dir, ...props }: Props<"table">) {
  return (
    <div dir={dir} className="table-block group w-fit">
      <div className="frame w-fit">
        <ScrollArea dir={dir}>
          <table {...props} />
        </ScrollArea>
      </div>
      {node ? <TableActions table={node as Element} /> : null}
    </div>
  );
}

/** Text that does not wrap in a table: a few words, or a number with its unit. */
function isShort(text: string): boolean {
  return text.length <= SHORT_CELL || (text.length <= LONGEST_NUMBER && NUMBER.test(text));
}

/** The lengths are in UTF-16 code units. A longer text is wider than a column's minimum width. */
const SHORT_CELL = 14;
const LONGEST_NUMBER = 24;
const NUMBER = /^[\s\p{Sc}~≈<>±+−-]*\d[\d\s.,:/'’%\p{Sc}+−–-]*\p{L}{0,4}$/u;

const shortness = (children: ReactNode) => (isShort(textOf(children)) ? { "data-short": "" } : {});

function HeaderCell({ node: _node, className: _class, ...props }: Props<"th">) {
  return <th {...props} {...shortness(props.children)} />;
}

function Cell({ node: _node, className: _class, ...props }: Props<"td">) {
  return <td {...props} {...shortness(props.children)} />;
}

function textOf(node: ReactNode): string {
  if (typeof node === "string" || typeof node === "number") return String(node);
  if (Array.isArray(node)) return node.map(textOf).join("");
  if (isValidElement<{ children?: ReactNode }>(node)) return textOf(node.props.children);
  return "";
}

const languageOf = (className: string | undefined) =>
  /language-(\S+)/.exec(className ?? "")?.[1]?.toLowerCase();

/** Whether the answer is still being streamed. */
const StreamingContext = createContext(false);

/**
 * A block of code, math, or a diagram. The language and the rest of the info string come from the
 * inner `code`.
 */
function Pre({ children, ...props }: Props<"pre"> & { "data-open"?: string }) {
  const isStreaming = useContext(StreamingContext);
  const code = isValidElement<{ className?: string; node?: { data?: { meta?: string } } }>(children)
    ? children
    : null;
  const language = languageOf(code?.props.className);
  const isIncomplete = isStreaming && props["data-open"] !== undefined;
  const text = textOf(children).replace(/\n$/, "");
  if (language === DISPLAY_MATH || (language === "math" && !isIncomplete))
    return <MathBlock source={text} />;
  if (language === "mermaid" && !isIncomplete) return <Diagram source={text} />;
  return (
    <CodeBlock
      code={text}
      language={language}
      name={code?.props.node?.data?.meta}
      isFoldable
      isStreaming={isStreaming}
      isIncomplete={isIncomplete}
    />
  );
}

function Code({ node: _node, className, ...props }: Props<"code">) {
  const language = languageOf(className);
  if (language === INLINE_MATH) return <MathText source={textOf(props.children)} />;
  if (language === DISPLAY_MATH) return <MathBlock source={textOf(props.children)} />;
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
  th: HeaderCell,
  td: Cell,
  sub: "sub",
  sup: "sup",
};

/** Options for text that is still being streamed. */
const completion: NonNullable<ComponentProps<typeof Streamdown>["remend"]> = {
  // These change text that is already complete.
  comparisonOperators: false,
  singleTilde: false,
  katex: false,
  linkMode: "text-only",
  handlers: [{ name: "math-and-html", handle: completeMarkdown, priority: -1 }],
};

/** The properties of the renderer that do not depend on the answer. */
export const options = {
  className: "markdown",
  remend: completion,
  components,
  remarkPlugins,
  rehypePlugins,
  linkSafety: { enabled: false },
  controls: false,
} satisfies ComponentProps<typeof Streamdown>;

/** Returns the renderer's options for the texts of footnotes. */
function makeFootnoteOptions() {
  return {
    footnoteLabel: texts.reading.footnotes,
    footnoteBackLabel: (reference: number, repetition: number) =>
      texts.reading.backToReference(
        repetition > 1 ? `${reference + 1}-${repetition}` : `${reference + 1}`,
      ),
  };
}

export function MarkdownView(props: { text: string; isStreaming: boolean }) {
  const [footnoteOptions] = useState(makeFootnoteOptions);
  const text = prepareMath(props.text, props.isStreaming);
  return (
    <StreamingContext value={props.isStreaming}>
      <Streamdown
        {...options}
        remarkRehypeOptions={footnoteOptions}
        // Finished text is split into blocks too, so that it is rendered exactly as it was streamed.
        mode="streaming"
        parseMarkdownIntoBlocksFn={splitBlocks}
        parseIncompleteMarkdown={props.isStreaming}
      >
        {props.isStreaming ? text : endMath(text)}
      </Streamdown>
    </StreamingContext>
  );
}

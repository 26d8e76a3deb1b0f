import { memo, type ReactNode, useMemo } from "react";
import { texts } from "@/texts";
import { CopyButton } from "../answer/copy-button";
import { type Token, tokenize } from "./highlight";
import { ScrollArea } from "./scroll-area";

const colors: Readonly<Record<Exclude<Token["kind"], "plain">, string>> = {
  comment: "text-ink-3 italic",
  string: "text-ok",
  number: "text-warn",
  keyword: "text-accent",
};

/** Highlighted code without a frame. */
const Code = memo(function Code(props: { code: string; language: string | undefined }) {
  const tokens = useMemo(() => tokenize(props.code, props.language), [props.code, props.language]);
  return (
    <code>
      {tokens.map(({ kind, text }, index) =>
        kind === "plain" ? (
          text
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: all tokens are replaced together.
          <span key={index} className={colors[kind]}>
            {text}
          </span>
        ),
      )}
    </code>
  );
});

/** An independently scrolling code block with a name and a copy button. */
export const CodeBlock = memo(function CodeBlock(props: {
  code: string;
  language: string | undefined;
  name: string | undefined;
  /** A remark about the code, such as why it is not shown as a diagram. */
  note?: string | undefined;
  /** Buttons before the copy button. */
  actions?: ReactNode;
}) {
  const label = props.name || props.language || texts.thread.code;
  return (
    <div className="max-w-full overflow-hidden rounded-xl border border-line bg-code">
      <div
        data-code-header=""
        className="flex h-8 items-center justify-between gap-3 border-line border-b ps-3 pe-2"
      >
        <span className="truncate text-ink-3 text-small">
          {label}
          {props.note && ` · ${props.note}`}
        </span>
        <span className="flex items-center gap-2">
          {props.actions}
          <CopyButton text={props.code} />
        </span>
      </div>
      <ScrollArea dir="ltr">
        <pre>
          <Code code={props.code} language={props.language} />
        </pre>
      </ScrollArea>
    </div>
  );
});

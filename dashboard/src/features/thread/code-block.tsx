import { memo, useMemo } from "react";
import { texts } from "@/texts";
import { CopyButton } from "./copy-button";
import { type Token, tokenize } from "./highlight";

const colors: Readonly<Record<Exclude<Token["kind"], "plain">, string>> = {
  comment: "text-ink-3 italic",
  string: "text-ok",
  number: "text-warn",
  keyword: "text-accent",
};

/** An independently scrolling code block with a name and a copy button. */
export const CodeBlock = memo(function CodeBlock(props: {
  code: string;
  language: string | undefined;
  name: string | undefined;
}) {
  const tokens = useMemo(() => tokenize(props.code, props.language), [props.code, props.language]);
  const label = props.name || props.language || texts.thread.code;
  return (
    <div className="max-w-full overflow-hidden rounded-xl border border-line bg-code">
      <div
        data-code-header=""
        className="flex h-8 items-center justify-between gap-3 border-line border-b pr-2 pl-3"
      >
        <span className="truncate text-ink-3 text-small">{label}</span>
        <CopyButton text={props.code} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be focusable. */}
      <pre tabIndex={0}>
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
      </pre>
    </div>
  );
});

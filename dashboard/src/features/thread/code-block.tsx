import { memo } from "react";
import { texts } from "@/texts";
import { CopyButton } from "./copy-button";

/** A block of code: what it is, a way to copy it, and scrolling of its own. */
export const CodeBlock = memo(function CodeBlock(props: {
  code: string;
  language: string | undefined;
  name: string | undefined;
}) {
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
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <pre tabIndex={0}>
        <code>{props.code}</code>
      </pre>
    </div>
  );
});

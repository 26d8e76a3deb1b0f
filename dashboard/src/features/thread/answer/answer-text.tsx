import { memo, useDeferredValue } from "react";
import { isRedrawn, toPlainText } from "@/terminal/screen";
import { TerminalText } from "@/terminal/terminal-text";
import { Markdown } from "../markdown/markdown";

/**
 * The format of an agent's answers; `unknown` if the agent is no longer configured or uses a format
 * that this page does not support.
 */
export type AnswerFormat = "markdown" | "text" | "unknown";

/** Parses an agent's format. A newer server may send formats that this page does not support. */
export function parseFormat(name: string | undefined): AnswerFormat {
  return name === "markdown" || name === "text" ? name : "unknown";
}

/**
 * Returns whether to show the text as terminal output. If the format is unknown, an escape
 * character indicates such output.
 */
function isTerminal(text: string, format: AnswerFormat): boolean {
  return format === "text" || (format === "unknown" && text.includes("\u001b"));
}

/** The text of an answer in the agent's format, or as plain text until the format is known. */
export const AnswerText = memo(function AnswerText(props: {
  text: string;
  format: AnswerFormat | null;
  isStreaming: boolean;
}) {
  const { text, format, isStreaming } = props;
  if (format === null)
    return <div className="whitespace-pre-wrap [unicode-bidi:plaintext]">{toPlainText(text)}</div>;
  if (isTerminal(text, format)) return <TerminalAnswer text={text} />;
  const clean = isRedrawn(text) ? toPlainText(text) : text;
  return <Markdown text={clean} isStreaming={isStreaming} />;
});

/** Terminal output in a monospaced font. Long lines wrap. */
function TerminalAnswer({ text }: { text: string }) {
  const deferred = useDeferredValue(text);
  return (
    <div
      data-terminal=""
      className="whitespace-pre-wrap font-mono text-[13.5px] leading-[21px] [font-variant-ligatures:none] [tab-size:8] [unicode-bidi:plaintext]"
    >
      <TerminalText text={deferred.trimEnd()} />
    </div>
  );
}

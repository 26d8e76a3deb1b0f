import { memo, useDeferredValue } from "react";
import { hasControls, toPlainText } from "@/terminal/screen";
import { TerminalText } from "@/terminal/terminal-text";
import { Markdown } from "./markdown";

/** `unknown`: of an agent that is no longer configured. */
export type AnswerFormat = "markdown" | "text" | "unknown";

/** Reads what the api says about an agent; a newer api may know more formats than this page. */
export function parseFormat(name: string | undefined): AnswerFormat {
  return name === "markdown" || name === "text" ? name : "unknown";
}

/** Only a program that writes for a terminal emits escape sequences. */
function isTerminal(text: string, format: AnswerFormat): boolean {
  return format === "text" || (format === "unknown" && text.includes("\u001b"));
}

/** An answer's text in its agent's format; without any look until that is known. */
export const AnswerText = memo(function AnswerText(props: {
  text: string;
  format: AnswerFormat | null;
  isStreaming: boolean;
}) {
  const { text, format, isStreaming } = props;
  if (format === null)
    return <div className="whitespace-pre-wrap [unicode-bidi:plaintext]">{toPlainText(text)}</div>;
  if (isTerminal(text, format)) return <TerminalAnswer text={text} />;
  const clean = text.includes("\u001b") && hasControls(text) ? toPlainText(text) : text;
  return <Markdown text={clean} isStreaming={isStreaming} />;
});

/** Rows and columns as the program wrote them; long lines wrap, as on a narrow terminal. */
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

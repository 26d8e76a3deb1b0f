import { Check, Copy } from "lucide-react";
import { copyText } from "@/clipboard";
import { reportCopy } from "@/components/report-failure";
import { texts } from "@/texts";
import { copyAnswer } from "./copy-answer";
import { useCopied } from "./use-copied";

/** A button that copies text. */
export function CopyButton(props: {
  text: string;
  className?: string;
  isShort?: boolean;
  /** Whether the button is part of an answer whose rendered form is copied as well. */
  isAnswer?: boolean;
}) {
  const [isCopied, setCopied] = useCopied<true>();
  const Icon = isCopied ? Check : Copy;

  return (
    <button
      type="button"
      onClick={({ currentTarget }) =>
        void reportCopy(
          props.isAnswer
            ? copyAnswer(props.text, currentTarget.closest("[data-finished]"))
            : copyText(props.text),
        ).then((isDone) => isDone && setCopied(true))
      }
      className={`tap inline-flex items-center gap-1.5 rounded px-1 text-ink-3 text-small hover:text-ink ${props.className ?? ""}`}
    >
      <Icon size={13} aria-hidden="true" />
      <span aria-live="polite" className={props.isShort ? "max-md:sr-only" : ""}>
        {isCopied ? texts.thread.copied : texts.thread.copy}
      </span>
    </button>
  );
}

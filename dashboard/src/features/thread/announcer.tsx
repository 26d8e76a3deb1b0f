import { useEffect, useRef, useState } from "react";
import { attachmentsOf, type Message } from "@/api/models";
import { toPlainText } from "@/terminal/screen";
import { texts } from "@/texts";

/** After this time, screen readers have queued the announcement. */
const CLEAR_MS = 5000;

/**
 * Announces the newest answer to screen readers when it has been finished. The thread does not,
 * because the answer's elements exist before. While `isActive` is false, nothing is announced.
 */
export function Announcer(props: { answer: Message | null; agentName: string; isActive: boolean }) {
  const { answer, agentName, isActive } = props;
  const seq = answer?.seq ?? 0;
  const known = useRef(seq);
  const [text, setText] = useState("");
  useEffect(() => {
    const isNew = seq > known.current;
    known.current = Math.max(known.current, seq);
    if (!answer || !isNew || !isActive) return;
    const shown = readAnswer(answer.turn) || toPlainText(answer.content);
    const files = attachmentsOf(answer).map(({ name }) => name);
    const parts = [shown, ...files].filter((part) => part.trim() !== "");
    setText(`${texts.thread.agentSaid(agentName)}: ${parts.join("\n")}`);
  }, [answer, seq, agentName, isActive]);
  useEffect(() => {
    if (text === "") return;
    const timer = setTimeout(() => setText(""), CLEAR_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div aria-live="polite" data-announcer="" className="sr-only select-none print:hidden">
      {text}
    </div>
  );
}

/** Returns the text of an answer as it is shown, or an empty string if it is not rendered. */
function readAnswer(turn: number): string {
  const parts = document.querySelectorAll<HTMLElement>(
    `main [role="log"] [data-turn="${turn}"] [data-answer]`,
  );
  return [...parts].map((part) => part.innerText).join("\n");
}

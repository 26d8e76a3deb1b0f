import { Info } from "lucide-react";
import type { Step } from "@/api/models";
import { TerminalText } from "@/terminal/terminal-text";
import { describeDetail } from "../steps/step-detail";

/** The notices of a turn, which are shown in place of an empty answer. */
export function Notices(props: { steps: readonly Step[] }) {
  const notices = props.steps.filter(({ kind }) => kind === "notice");
  if (notices.length === 0) return null;
  return (
    <ul className="flex max-w-full flex-col gap-1 self-start px-3.5 pb-1 text-ink-2 text-note">
      {notices.map((step) => (
        <li key={step.seq} className="flex items-start gap-2">
          <Info size={14} aria-hidden="true" className="mt-[3px] shrink-0" />
          <span className="min-w-0 whitespace-pre-wrap [overflow-wrap:anywhere]">
            {step.title}
            {(describeDetail(step)?.notice ?? step.title) !== step.title && (
              <span className="block">
                <TerminalText text={describeDetail(step)?.notice ?? ""} />
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

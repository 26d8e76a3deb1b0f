import { Info, TriangleAlert } from "lucide-react";
import type { Step } from "@/api/models";
import { TerminalText } from "@/terminal/terminal-text";
import { describeDetail, isWarning } from "../steps/step-detail";

/** The notices of a turn that its segments do not show, in place of an empty answer. */
export function Notices(props: { steps: readonly Step[] }) {
  const notices = props.steps.filter((step) => step.kind === "notice" && !isWarning(step));
  return notices.map((step) => <Notice key={step.seq} step={step} />);
}

/** A notice, with its details. */
export function Notice({ step }: { step: Step }) {
  const Icon = isWarning(step) ? TriangleAlert : Info;
  const detail = describeDetail(step)?.notice ?? step.title;
  return (
    <p className="flex max-w-full items-start gap-2 self-start px-3.5 pb-1 text-ink-2 text-note">
      <Icon size={14} aria-hidden="true" className="mt-[3px] shrink-0" />
      <span className="min-w-0 whitespace-pre-wrap [overflow-wrap:anywhere]">
        {step.title}
        {detail !== step.title && (
          <span className="block">
            <TerminalText text={detail} />
          </span>
        )}
      </span>
    </p>
  );
}

import { Check, ChevronRight, CircleDashed, Loader, X } from "lucide-react";
import type { Step } from "@/api/models";
import { texts } from "@/texts";

const icons = {
  pending: <CircleDashed size={13} />,
  running: <Loader size={13} className="animate-spin" />,
  succeeded: <Check size={13} className="text-ok" />,
  failed: <X size={13} className="text-bad" />,
  rejected: <X size={13} className="text-ink-3" />,
} as const;

/** What the agent did, folded into one line. */
export function Steps(props: { steps: readonly Step[] }) {
  const { steps } = props;
  if (steps.length === 0) return null;
  const hasFailed = steps.some((step) => step.status === "failed");
  return (
    <details className="group/steps max-w-full self-start">
      <summary className="flex cursor-pointer list-none items-center gap-2 rounded-lg px-1 py-1 text-ink-2 text-note hover:text-ink [&::-webkit-details-marker]:hidden">
        <span
          aria-hidden="true"
          className={`size-[7px] rounded-full ${hasFailed ? "bg-bad" : "bg-ok"}`}
        />
        {texts.thread.steps(steps.length)}
        <ChevronRight
          size={14}
          aria-hidden="true"
          className="transition-transform duration-150 group-open/steps:rotate-90"
        />
      </summary>
      <StepList steps={steps} />
    </details>
  );
}

export function StepList({ steps }: { steps: readonly Step[] }) {
  return (
    <ol className="mt-1 mb-2 ml-1 flex flex-col gap-1 border-line border-l pl-4">
      {steps.map((step) => (
        <li key={step.seq} className="flex items-start gap-2 text-ink-2 text-note">
          <span aria-hidden="true" className="mt-[4px]">
            {icons[step.status]}
          </span>
          <span className="min-w-0 [overflow-wrap:anywhere]">{step.title}</span>
        </li>
      ))}
    </ol>
  );
}

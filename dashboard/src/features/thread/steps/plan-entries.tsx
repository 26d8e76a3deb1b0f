import { Check, Circle, CircleDot } from "lucide-react";
import { texts } from "@/texts";
import type { PlanEntry } from "./step-detail";

const icons = {
  pending: <Circle size={12} className="text-ink-3" />,
  in_progress: <CircleDot size={12} className="text-accent" />,
  completed: <Check size={12} className="text-ok" />,
} as const;

/** The entries of a plan with their statuses. */
export function PlanEntries({ entries }: { entries: readonly PlanEntry[] }) {
  return (
    <ul className="flex flex-col gap-0.5">
      {entries.map((entry, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: all entries of a plan are replaced together.
        <li key={index} className="flex items-start gap-2 text-note">
          <span aria-hidden="true" className="mt-[4px] shrink-0">
            {icons[entry.status]}
          </span>
          <span
            className={`min-w-0 [overflow-wrap:anywhere] ${entry.status === "completed" ? "text-ink-2" : ""}`}
          >
            {entry.content}
            <span className="sr-only"> ({texts.steps.planEntry[entry.status]})</span>
          </span>
        </li>
      ))}
    </ul>
  );
}

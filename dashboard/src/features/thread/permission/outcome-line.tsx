import { ShieldCheck, ShieldX } from "lucide-react";
import type { Step } from "@/api/models";
import { describeOutcome, findOutcome } from "./permission-outcome";

/** The outcome of a permission request. Renders nothing for open requests and other steps. */
export function OutcomeLine({ step }: { step: Step }) {
  const outcome = findOutcome(step);
  if (!outcome) return null;
  const isAllowed = outcome === "allowed";
  const Icon = isAllowed ? ShieldCheck : ShieldX;
  return (
    <p className="flex max-w-full items-start gap-2 self-start px-3.5 py-1 text-ink-2 text-note">
      <Icon
        size={15}
        aria-hidden="true"
        className={`mt-[3px] shrink-0 ${isAllowed ? "text-ok" : "text-warn"}`}
      />
      <span className="min-w-0 [overflow-wrap:anywhere]">{describeOutcome(step)}</span>
    </p>
  );
}

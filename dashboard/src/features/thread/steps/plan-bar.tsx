import { ChevronUp, ListTodo } from "lucide-react";
import { useId, useMemo, useState } from "react";
import { isEnded, type Step, type Task } from "@/api/models";
import { texts } from "@/texts";
import { PlanEntries } from "./plan-entries";
import { type PlanEntry, parsePlan } from "./step-detail";
import { useTurnSteps } from "./use-turn-steps";

/** Returns the progress of a plan, such as "2/3 · Run the tests". */
function describeProgress(entries: readonly PlanEntry[]): string {
  const completed = entries.filter(({ status }) => status === "completed").length;
  const current =
    entries.find(({ status }) => status === "in_progress") ??
    entries.find(({ status }) => status === "pending");
  const position = Math.min(completed + 1, entries.length);
  return texts.plan.progress(position, entries.length, current?.content ?? texts.plan.done);
}

/** The plan of the current turn. Renders nothing without one. */
export function CurrentPlan({ task }: { task: Task | null }) {
  return <PlanBar task={task} steps={useTurnSteps(task)} />;
}

/** The latest plan of an unfinished turn, in one line that can be expanded. */
export function PlanBar({ task, steps }: { task: Task | null; steps: readonly Step[] }) {
  const [isExpanded, setExpanded] = useState(false);
  const id = useId();
  const entries = useMemo(() => {
    const latest = steps.findLast(({ kind }) => kind === "plan");
    return latest ? parsePlan(latest) : [];
  }, [steps]);
  if (!task || isEnded(task.status) || entries.length === 0) return null;
  return (
    <section aria-label={texts.plan.label} className="px-3.5 pt-2 md:px-6">
      <div className="mx-auto max-w-[820px] rounded-[14px] border border-line bg-surface">
        <div id={id} hidden={!isExpanded} className="border-line border-b">
          <div
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be focusable.
            tabIndex={0}
            className="max-h-[30vh] overflow-y-auto rounded-t-[14px] px-3.5 py-2.5 outline-offset-[-2px]"
          >
            <PlanEntries entries={entries} />
          </div>
        </div>
        <button
          type="button"
          aria-expanded={isExpanded}
          aria-controls={id}
          onClick={() => setExpanded(!isExpanded)}
          className="flex min-h-9 w-full items-center gap-2 rounded-[14px] px-3.5 text-start text-ink-2 text-note hover:text-ink pointer-coarse:min-h-10"
        >
          <ListTodo size={14} aria-hidden="true" className="shrink-0" />
          <span className="min-w-0 flex-1 truncate tabular-nums">{describeProgress(entries)}</span>
          <ChevronUp
            size={14}
            aria-hidden="true"
            className={`shrink-0 transition-transform duration-150 ${isExpanded ? "rotate-180" : ""}`}
          />
        </button>
      </div>
    </section>
  );
}

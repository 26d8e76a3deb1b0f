import { ChevronRight } from "lucide-react";
import { lazy, memo, Suspense, type SyntheticEvent, useMemo, useRef, useState } from "react";
import type { Step, Task } from "@/api/models";
import { texts } from "@/texts";
import { useFocusHandover } from "../use-focus-handover";
import { keyOf, rememberExpanded, useExpansion } from "./step-memory";
import { countFailed, summarizeSteps, titleThought } from "./step-summary";
import { buildStepTree } from "./step-tree";

const StepList = lazy(async () => ({ default: (await import("./step-item")).StepList }));
const LoneThought = lazy(async () => ({ default: (await import("./step-item")).LoneThought }));

interface StepsProps {
  steps: readonly Step[];
  /** The turn's task; null if it has not been fetched. */
  task: Task | null;
}

/** Consecutive steps of a turn, which are initially collapsed into one line. */
export const Steps = memo(function Steps(props: StepsProps) {
  const { task } = props;
  const nodes = useMemo(() => buildStepTree(props.steps), [props.steps]);
  const first = nodes[0]?.step;
  const firstKey = keyOf(task, first);
  const key = firstKey && `${firstKey}/group`;
  const { open, onToggle } = useExpansion(key, false);
  // The steps are not rendered before they are needed, because there can be many.
  const [isShown, setShown] = useState(open);
  const [openSeq, setOpenSeq] = useState<number | null>(null);
  const group = useRef<HTMLDetailsElement>(null);
  useFocusHandover(group);
  if (!first) return null;
  const steps = nodes.map(({ step }) => step);
  const isThought = steps.length === 1 && first.kind === "thought";
  const done = summarizeSteps(steps);
  const failed = countFailed(steps, task);
  function toggle(event: SyntheticEvent<HTMLDetailsElement>) {
    onToggle(event);
    if (event.currentTarget.open) setShown(true);
    // The only step is expanded with its group, and stays so when more steps follow.
    if (!first || !event.currentTarget.open || steps.length > 1) return;
    setOpenSeq(first.seq);
    rememberExpanded(firstKey);
  }
  return (
    <details
      ref={group}
      data-step={key}
      open={open}
      onToggle={toggle}
      className="group/steps min-w-0 self-stretch"
    >
      <summary className="flex w-fit max-w-full cursor-pointer list-none items-center gap-2 rounded-lg px-3.5 py-1 text-ink-2 text-note hover:text-ink pointer-coarse:min-h-10 [&::-webkit-details-marker]:hidden">
        <span aria-hidden="true" className="size-[7px] shrink-0 rounded-full bg-ink-3" />
        <span className="min-w-0 [overflow-wrap:anywhere]">
          {isThought ? titleThought(first, texts.steps.thought) : texts.steps.count(steps.length)}
          {done && !isThought && <span className="text-ink-3">{` · ${done}`}</span>}
          {failed > 0 && (
            <span className="text-bad">
              {" "}
              · <span className="whitespace-nowrap">{texts.steps.failed(failed)}</span>
            </span>
          )}
        </span>
        <ChevronRight
          size={14}
          aria-hidden="true"
          className="shrink-0 transition-transform duration-150 group-open/steps:rotate-90 rtl:-scale-x-100 rtl:group-open/steps:-rotate-90"
        />
      </summary>
      <div className="ms-[17px] mt-1 mb-3 max-w-[760px]">
        {isShown && (
          <Suspense fallback={null}>
            {isThought ? (
              <LoneThought step={first} memoryKey={firstKey} />
            ) : (
              <StepList nodes={nodes} task={task} openSeq={openSeq} />
            )}
          </Suspense>
        )}
      </div>
    </details>
  );
}, isSame);

/** Returns whether nothing has changed. The list is a new one whenever the answer's text grows. */
function isSame(before: StepsProps, after: StepsProps): boolean {
  return (
    before.task === after.task &&
    before.steps.length === after.steps.length &&
    before.steps.every((step, index) => step === after.steps[index])
  );
}

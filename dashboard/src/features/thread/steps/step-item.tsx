import { Check, ChevronRight, CircleDashed, CircleStop, Loader, X } from "lucide-react";
import { memo } from "react";
import type { Step, Task } from "@/api/models";
import { texts } from "@/texts";
import { DiffCounts } from "../diff/diff-counts";
import { StepContent } from "./step-content";
import { describeDetail, type FileDiff } from "./step-detail";
import { keyOf, useExpansion } from "./step-memory";
import { countFailed, findStatus, type StepStatus, titleStep } from "./step-summary";
import { isSameNode, type StepNode } from "./step-tree";

const icons: Readonly<Record<StepStatus, React.ReactNode>> = {
  pending: <CircleDashed size={13} />,
  running: <Loader size={13} className="animate-spin" />,
  succeeded: <Check size={13} className="text-ok" />,
  failed: <X size={13} className="text-bad" />,
  rejected: <X size={13} className="text-warn" />,
  stopped: <CircleStop size={13} className="text-ink-3" />,
};

/** Returns a status that the title does not imply, or null. */
function describeStatus(step: Step, status: StepStatus): string | null {
  if (step.kind === "permission" || !Object.hasOwn(texts.steps.status, status)) return null;
  return texts.steps.status[status as keyof typeof texts.steps.status];
}

interface ItemProps {
  node: StepNode;
  task: Task | null;
  /** Whether the step is expanded by default. */
  isOpen: boolean;
}

/** A step and, if it started a sub-agent, the steps of the sub-agent. */
const StepItem = memo(function StepItem(props: ItemProps) {
  const { node, task } = props;
  const { step, children } = node;
  const key = keyOf(task, step);
  const expansion = useExpansion(key, props.isOpen);
  const detail = describeDetail(step);
  const status = findStatus(step, task);
  const said = describeStatus(step, status);
  const title = (
    <span className="min-w-0 [overflow-wrap:anywhere]">
      <bdi>{titleStep(step)}</bdi>
      {said && (
        <span className={status === "failed" ? "text-bad" : "text-ink-3"}>{` · ${said}`}</span>
      )}
      {children.length > 0 && <SubSteps nodes={children} task={task} />}
    </span>
  );
  const icon = (
    <span aria-hidden="true" className="mt-[4px] shrink-0">
      {icons[status]}
    </span>
  );
  const line = "flex items-start gap-2 text-ink-2 text-note";
  if (!detail && children.length === 0)
    return (
      <li className={line}>
        {icon}
        {title}
      </li>
    );
  return (
    <li className="min-w-0">
      <details className="group/step" data-step={key} {...expansion}>
        <summary
          className={`${line} w-fit max-w-full cursor-pointer list-none rounded hover:text-ink pointer-coarse:py-2.5 [&::-webkit-details-marker]:hidden`}
        >
          {icon}
          {title}
          {detail?.diffs && <TotalCounts diffs={detail.diffs} />}
          <ChevronRight
            size={13}
            aria-hidden="true"
            className="mt-[4px] shrink-0 text-ink-3 transition-transform duration-150 group-open/step:rotate-90 rtl:-scale-x-100 rtl:group-open/step:-rotate-90"
          />
        </summary>
        <div className="ms-[21px] mt-1 mb-2 flex min-w-0 flex-col gap-1.5">
          {children.length > 0 && <StepList nodes={children} task={task} />}
          {/* The content can be long. */}
          {detail && expansion.open && (
            <StepContent detail={detail} isRunning={step.status === "running"} memoryKey={key} />
          )}
        </div>
      </details>
    </li>
  );
}, isSameItem);

/** Returns whether an item looks the same. The nodes are created again with every new step. */
function isSameItem(one: ItemProps, other: ItemProps): boolean {
  const isSame = one.isOpen === other.isOpen && one.task === other.task;
  return isSame && isSameNode(one.node, other.node);
}

/** The content of a thought that is the only step. Its group has the thought's title. */
export function LoneThought({ step, memoryKey }: { step: Step; memoryKey: string | null }) {
  const detail = describeDetail(step);
  return (
    <div className="border-line-strong border-s ps-4">
      {detail && (
        <StepContent detail={detail} isRunning={step.status === "running"} memoryKey={memoryKey} />
      )}
    </div>
  );
}

/** Steps in the order in which they began. */
export function StepList(props: {
  nodes: readonly StepNode[];
  task: Task | null;
  /** The number of the step that is expanded by default. */
  openSeq?: number | null;
}) {
  const { nodes, task, openSeq = null } = props;
  return (
    <ol className="flex min-w-0 flex-col gap-1 border-line-strong border-s ps-4">
      {nodes.map((node) => (
        <StepItem key={node.step.seq} node={node} task={task} isOpen={node.step.seq === openSeq} />
      ))}
    </ol>
  );
}

/** The number of a sub-agent's steps. */
function SubSteps({ nodes, task }: { nodes: readonly StepNode[]; task: Task | null }) {
  const failed = countFailed(
    nodes.map(({ step }) => step),
    task,
  );
  return (
    <span className="text-ink-3">
      {` · ${texts.steps.count(nodes.length)}`}
      {failed > 0 && <span className="text-bad">{` · ${texts.steps.failed(failed)}`}</span>}
    </span>
  );
}

function TotalCounts({ diffs }: { diffs: readonly FileDiff[] }) {
  const sum = (count: (diff: FileDiff) => number) =>
    diffs.reduce((total, diff) => total + count(diff), 0);
  return (
    <span className="shrink-0 leading-5">
      <DiffCounts
        additions={sum(({ additions }) => additions)}
        deletions={sum(({ deletions }) => deletions)}
      />
    </span>
  );
}

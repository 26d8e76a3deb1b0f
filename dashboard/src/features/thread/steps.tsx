import {
  Check,
  ChevronRight,
  Circle,
  CircleDashed,
  CircleDot,
  Info,
  Loader,
  X,
} from "lucide-react";
import { memo, useLayoutEffect, useRef } from "react";
import type { Step } from "@/api/models";
import { showControls } from "@/terminal/screen";
import { TerminalText } from "@/terminal/terminal-text";
import { texts } from "@/texts";
import {
  describeDetail,
  describeOutcome,
  type PlanEntry,
  type StepDetail,
  summarizeSteps,
} from "./step-detail";

/** Output scrolled to within this distance of its end stays at the end as it grows. */
const NEAR_PX = 24;

const icons = {
  pending: <CircleDashed size={13} />,
  running: <Loader size={13} className="animate-spin" />,
  succeeded: <Check size={13} className="text-ok" />,
  failed: <X size={13} className="text-bad" />,
  rejected: <X size={13} className="text-warn" />,
} as const;

const entryIcons = {
  pending: <Circle size={12} className="text-ink-3" />,
  in_progress: <CircleDot size={12} className="text-accent" />,
  completed: <Check size={12} className="text-ok" />,
} as const;

function toneOf(steps: readonly Step[]): string {
  if (steps.some((step) => step.status === "failed")) return "bg-bad";
  return steps.some((step) => step.status === "rejected") ? "bg-warn" : "bg-ok";
}

/** The steps of a turn, which are initially collapsed into one line. */
export const Steps = memo(function Steps(props: { steps: readonly Step[] }) {
  const { steps } = props;
  if (steps.length === 0) return null;
  const done = summarizeSteps(steps);
  return (
    <details className="group/steps max-w-full self-start">
      <summary className="flex cursor-pointer list-none items-center gap-2 rounded-lg px-1 py-1 text-ink-2 text-note hover:text-ink pointer-coarse:min-h-10 [&::-webkit-details-marker]:hidden">
        <span aria-hidden="true" className={`size-[7px] shrink-0 rounded-full ${toneOf(steps)}`} />
        <span className="min-w-0 [overflow-wrap:anywhere]">
          {texts.steps.count(steps.length)}
          {done && <span className="text-ink-3"> · {done}</span>}
        </span>
        <ChevronRight
          size={14}
          aria-hidden="true"
          className="shrink-0 transition-transform duration-150 group-open/steps:rotate-90"
        />
      </summary>
      <ol className="mt-1 mb-3 ml-[7px] flex min-w-0 flex-col gap-1 border-line-strong border-l pl-4">
        {steps.map((step) => (
          <StepItem key={step.seq} step={step} isOpen={steps.length === 1} />
        ))}
      </ol>
    </details>
  );
});

/** The notices of a turn, which are shown in place of an empty answer. */
export function Notices(props: { steps: readonly Step[] }) {
  const notices = props.steps.filter(({ kind }) => kind === "notice");
  if (notices.length === 0) return null;
  return (
    <ul className="flex max-w-full flex-col gap-1 self-start px-1 pb-1 text-ink-2 text-note">
      {notices.map((step) => (
        <li key={step.seq} className="flex items-start gap-2">
          <Info size={14} aria-hidden="true" className="mt-[3px] shrink-0" />
          <span className="min-w-0 whitespace-pre-wrap [overflow-wrap:anywhere]">
            {step.title}
            {(describeDetail(step)?.text ?? step.title) !== step.title && (
              <span className="block">
                <TerminalText text={describeDetail(step)?.text ?? ""} />
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

function StepItem({ step, isOpen }: { step: Step; isOpen: boolean }) {
  const detail = describeDetail(step);
  const title = (
    <span className="min-w-0 [overflow-wrap:anywhere]">{describeOutcome(step) ?? step.title}</span>
  );
  const icon = (
    <span aria-hidden="true" className="mt-[4px] shrink-0">
      {icons[step.status]}
    </span>
  );
  const line = "flex items-start gap-2 text-ink-2 text-note";
  if (!detail)
    return (
      <li className={line}>
        {icon}
        {title}
      </li>
    );
  return (
    <li className="min-w-0">
      <details className="group/step" open={isOpen}>
        <summary
          className={`${line} cursor-pointer list-none rounded hover:text-ink pointer-coarse:py-2.5 [&::-webkit-details-marker]:hidden`}
        >
          {icon}
          {title}
          <ChevronRight
            size={13}
            aria-hidden="true"
            className="mt-[4px] shrink-0 text-ink-3 transition-transform duration-150 group-open/step:rotate-90"
          />
        </summary>
        <Detail detail={detail} isRunning={step.status === "running"} />
      </details>
    </li>
  );
}

function Detail({ detail, isRunning }: { detail: StepDetail; isRunning: boolean }) {
  return (
    <div className="mt-1 mb-2 ml-[21px] flex min-w-0 max-w-[640px] flex-col gap-1.5">
      {detail.text && (
        <p className="max-h-80 overflow-y-auto whitespace-pre-wrap text-ink-2 text-note [overflow-wrap:anywhere]">
          <TerminalText text={detail.text} />
        </p>
      )}
      {(detail.input || detail.output) && (
        <div className="divide-y divide-line overflow-hidden rounded-[9px] border border-line bg-code">
          {detail.input && <Raw label={texts.steps.input} text={detail.input} isInput />}
          {detail.output && (
            <Raw label={texts.steps.output} text={detail.output} isGrowing={isRunning} />
          )}
        </div>
      )}
      {detail.entries && <Plan entries={detail.entries} />}
    </div>
  );
}

/**
 * The input or output of a tool call. While `isGrowing` is true, the text stays scrolled to its end
 * unless the user has scrolled up.
 */
function Raw(props: { label: string; text: string; isInput?: boolean; isGrowing?: boolean }) {
  const field = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text changes the height.
  useLayoutEffect(() => {
    const element = field.current;
    if (element && props.isGrowing && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [props.text, props.isGrowing]);
  function onScroll() {
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = field.current ?? {};
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }
  return (
    <pre
      ref={field}
      onScroll={onScroll}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be focusable.
      tabIndex={0}
      className={`max-h-60 overflow-auto whitespace-pre-wrap px-2.5 py-2 font-mono text-[12.5px] leading-[19px] outline-offset-[-2px] [overflow-wrap:anywhere] ${props.isInput ? "text-ink" : "text-ink-2"}`}
    >
      <span className="sr-only">{props.label}: </span>
      {props.isInput ? showControls(props.text) : <TerminalText text={props.text} />}
    </pre>
  );
}

function Plan({ entries }: { entries: readonly PlanEntry[] }) {
  return (
    <ul className="flex flex-col gap-0.5">
      {entries.map((entry, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: all entries of a plan are replaced together.
        <li key={index} className="flex items-start gap-2 text-note">
          <span aria-hidden="true" className="mt-[4px] shrink-0">
            {entryIcons[entry.status]}
          </span>
          <span className="min-w-0 [overflow-wrap:anywhere]">
            {entry.content}
            <span className="sr-only"> ({texts.steps.planEntry[entry.status]})</span>
          </span>
        </li>
      ))}
    </ul>
  );
}

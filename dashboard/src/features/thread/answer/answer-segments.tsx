import { lazy, memo, Suspense, useMemo, useState } from "react";
import { isEnded, type Step, type Task } from "@/api/models";
import { findOpenRequest } from "../permission/permission";
import { Steps } from "../steps/steps";
import type { ThreadAgent } from "../thread-agent";
import { answerBubble, isRich, terminalAnswer, wideAnswer } from "./answer-layout";
import { AnswerText } from "./answer-text";
import { createAnswerSplitter } from "./segments";

const PermissionCard = lazy(async () => ({
  default: (await import("../permission/permission-card")).PermissionCard,
}));

const Notice = lazy(async () => ({ default: (await import("./notices")).Notice }));

/**
 * The text, the steps, and the warnings of an answer, in the order in which they arrived, and a card
 * for each open permission request.
 */
export const AnswerSegments = memo(function AnswerSegments(props: {
  text: string;
  steps: readonly Step[];
  task: Task | null;
  agent: ThreadAgent;
  isStreaming: boolean;
}) {
  const { text, steps, task, agent, isStreaming } = props;
  const [split] = useState(createAnswerSplitter);
  const segments = useMemo(() => split(text, steps), [split, text, steps]);
  const isOpen = task !== null && !isEnded(task.status);
  return segments.map((segment, index) => {
    // Segments are only appended, except when steps are fetched later than the text.
    const key = `${segment.kind}-${index}`;
    switch (segment.kind) {
      case "text": {
        const isLast = index === segments.length - 1;
        return (
          <AnswerBubble
            key={key}
            text={segment.text}
            agent={agent}
            isStreaming={isStreaming && isLast}
            isLive={isStreaming}
          />
        );
      }
      case "steps":
        return <Steps key={key} steps={segment.steps} task={task} />;
      case "request":
        return isOpen ? (
          <RequestCard key={key} task={task} step={segment.step} steps={steps} agent={agent} />
        ) : null;
      case "warning":
        return (
          <Suspense key={key} fallback={null}>
            <Notice step={segment.step} />
          </Suspense>
        );
      default:
        return segment satisfies never;
    }
  });
});

/** A part of an answer's text: in a bubble if it is short and plain, or else without one. */
const AnswerBubble = memo(function AnswerBubble(props: {
  text: string;
  agent: ThreadAgent;
  /** Whether the text may still grow. */
  isStreaming: boolean;
  /** Whether the text is part of an answer in progress. */
  isLive: boolean;
}) {
  const { text, agent, isLive } = props;
  const marker = isLive ? { "data-live": "" } : { "data-answer": "" };
  const markdownLayout = isRich(text) ? wideAnswer : answerBubble;
  const layout = agent.format === "text" ? terminalAnswer : markdownLayout;
  return (
    <div className={`${layout} ${isLive ? "animate-rise" : ""}`} {...marker}>
      <AnswerText text={text} format={agent.format} isStreaming={props.isStreaming} />
    </div>
  );
});

function RequestCard(props: {
  task: Task;
  step: Step;
  steps: readonly Step[];
  agent: ThreadAgent;
}) {
  const { task, step, steps, agent } = props;
  const request = useMemo(
    () => findOpenRequest(steps.filter((one) => one === step || one.kind !== "permission")),
    [step, steps],
  );
  return (
    request && (
      <Suspense fallback={null}>
        <PermissionCard
          key={request.request_id}
          task={task}
          request={request}
          agentName={agent.name}
        />
      </Suspense>
    )
  );
}

import { memo, useMemo } from "react";
import { isEnded, type Message, type Task } from "@/api/models";
import { Answer, Failure, LiveAnswer } from "./answer";
import { NewDivider } from "./dividers";
import { findOpenRequest } from "./permission";
import { PermissionCard, PermissionOutcome } from "./permission-card";
import { RetryWaitCard } from "./retry-wait-card";
import { Notices, Steps } from "./steps";
import type { ThreadAgent } from "./thread-agent";
import { useTurnSteps } from "./use-turn-steps";
import { UserBubble } from "./user-bubble";

/** A turn in a thread: the message, steps, permission request, and answer. */
export const TurnView = memo(function TurnView(props: {
  user: Message | null;
  answer: Message | null;
  task: Task | null;
  /** The number of unfinished turns before this one; 0 if this turn is not queued. */
  position: number;
  agent: ThreadAgent;
  /** Whether the "New" divider is above the answer. */
  hasNewAnswer: boolean;
}) {
  const { user, answer, task, agent } = props;
  const isOpen = task !== null && !isEnded(task.status);
  const steps = useTurnSteps(task);
  const request = useMemo(() => (isOpen ? findOpenRequest(steps) : null), [isOpen, steps]);
  const done = useMemo(() => steps.filter((step) => step.status !== "pending"), [steps]);
  const latest = steps.at(-1);
  // An answer that was stopped shows how it ended. A turn that was stopped without an answer is
  // shown as a failure.
  const isStopped = task?.status === "cancelled" || task?.status === "interrupted";
  const hasFailure = task?.status === "failed" || (isStopped && answer === null);

  return (
    <>
      {user && <UserBubble message={user} task={task} position={props.position} />}
      {props.hasNewAnswer && <NewDivider />}
      <Steps steps={done} />
      {answer && (
        <Answer
          message={answer}
          task={task}
          agent={agent}
          steps={steps}
          hasFailure={hasFailure}
          canRetry={isStopped}
        />
      )}
      {task && request && (
        <PermissionCard
          key={request.request_id}
          task={task}
          request={request}
          agentName={agent.name}
        />
      )}
      {isOpen && latest && <PermissionOutcome step={latest} />}
      {task && <RetryWaitCard task={task} message={user} agentKey={agent.key} />}
      {answer?.content === "" && <Notices steps={steps} />}
      {task && !answer && (
        <LiveAnswer
          task={task}
          steps={steps}
          format={agent.format}
          isHead={isOpen && props.position === 0}
        />
      )}
      {task && hasFailure && <Failure task={task} />}
    </>
  );
});

import { lazy, memo, Suspense } from "react";
import { isEnded, type Message, type Task } from "@/api/models";
import { Answer } from "./answer/answer";
import { isBlank } from "./answer/answer-layout";
import { NewDivider } from "./dividers";
import { UserBubble } from "./message/user-bubble";
import { useTurnSteps } from "./steps/use-turn-steps";
import type { ThreadAgent } from "./thread-agent";
import type { TurnRow } from "./turn-rows";

const ChangesButton = lazy(async () => ({
  default: (await import("./changes/changes-button")).ChangesButton,
}));
const Failure = lazy(async () => ({ default: (await import("./answer/failure")).Failure }));
const Notices = lazy(async () => ({ default: (await import("./answer/notices")).Notices }));
const OutcomeLine = lazy(async () => ({
  default: (await import("./permission/outcome-line")).OutcomeLine,
}));
const RetryWaitCard = lazy(async () => ({
  default: (await import("./answer/retry-wait-card")).RetryWaitCard,
}));

/** A turn in a thread: the message and the answer with its steps. */
export const TurnView = memo(function TurnView(props: {
  user: Message | null;
  answer: Message | null;
  task: Task | null;
  /** The number of unfinished turns before this one; 0 if this turn is not queued. */
  position: number;
  agent: ThreadAgent;
  /** Whether the "New" divider is above the answer. */
  hasNewAnswer: boolean;
  /** Whether this is the newest turn. */
  isNewest: boolean;
  /** Whether the times of the message and the answer are always shown. */
  hasTime: TurnRow["hasTime"];
}) {
  const { user, answer, task, agent } = props;
  const isOpen = task !== null && !isEnded(task.status);
  const steps = useTurnSteps(task);
  const latest = steps.at(-1);
  // An answer that was stopped shows how it ended. A turn that was stopped without an answer is
  // shown as a failure.
  const isStopped = task?.status === "cancelled" || task?.status === "interrupted";
  const hasFailure = task?.status === "failed" || (isStopped && answer === null);

  return (
    <>
      {user && (
        <UserBubble
          message={user}
          task={task}
          position={props.position}
          isNewest={props.isNewest}
          hasTime={props.hasTime.user}
        />
      )}
      {props.hasNewAnswer && <NewDivider />}
      {(answer || task) && (
        <Answer
          message={answer}
          task={task}
          agent={agent}
          steps={steps}
          isHead={isOpen && props.position === 0}
          hasFailure={hasFailure}
          canRetry={isStopped}
          isNewest={props.isNewest}
          hasTime={props.hasTime.answer}
        />
      )}
      {isOpen && latest?.kind === "permission" && (
        <Suspense fallback={null}>
          <OutcomeLine step={latest} />
        </Suspense>
      )}
      {task?.next_attempt_at && (
        <Suspense fallback={null}>
          <RetryWaitCard task={task} message={user} agentKey={agent.key} />
        </Suspense>
      )}
      {task?.changes && (
        <Suspense fallback={null}>
          <ChangesButton changes={task.changes} turn={(user ?? answer)?.turn ?? 0} />
        </Suspense>
      )}
      {answer && isBlank(answer.content) && (
        <Suspense fallback={null}>
          <Notices steps={steps} />
        </Suspense>
      )}
      {task && hasFailure && (
        <Suspense fallback={null}>
          <Failure
            task={task}
            hasAnswer={answer !== null && !isBlank(answer.content)}
            canContinue={isStopped && props.isNewest && steps.length > 0}
          />
        </Suspense>
      )}
    </>
  );
});

import { memo, useMemo } from "react";
import { isEnded, type Message, type Task } from "@/api/models";
import type { Steps as StepsBySeq } from "@/stream/steps";
import { useStore } from "@/stream/store";
import { Answer, Failure, LiveAnswer } from "./answer";
import { NewDivider } from "./dividers";
import { findOpenRequest } from "./permission";
import { PermissionCard } from "./permission-card";
import { Steps } from "./steps";
import { UserBubble } from "./user-bubble";

const noSteps: StepsBySeq = {};

/** One exchange. It renders again only when something of its own has changed. */
export const TurnView = memo(function TurnView(props: {
  user: Message | null;
  answer: Message | null;
  task: Task | null;
  /** 0: not waiting behind another turn. */
  position: number;
  agentName: string;
  /** Whether the answer is the first message that was not read. */
  hasNewAnswer: boolean;
}) {
  const { user, answer, task } = props;
  const taskId = (user ?? answer)?.task_id ?? "";
  const isOpen = task !== null && !isEnded(task.status);
  // Of a turn that ended while nothing was heard the last steps are not known.
  const known = useStore((state) => {
    const told = state.steps[taskId];
    return told && (told.isCurrent || isOpen) ? told.bySeq : noSteps;
  });
  const steps = useMemo(() => Object.values(known).sort((a, b) => a.seq - b.seq), [known]);
  const request = useMemo(() => (isOpen ? findOpenRequest(steps) : null), [isOpen, steps]);
  const done = steps.filter((step) => step.status !== "pending");
  // A stopped answer says so itself; a stop without one is said like a failure.
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
          agentName={props.agentName}
          hasFailure={hasFailure}
          canRetry={isStopped}
        />
      )}
      {task && request && <PermissionCard key={request.request_id} task={task} request={request} />}
      {task && !answer && (
        <LiveAnswer task={task} steps={steps} isHead={isOpen && props.position === 0} />
      )}
      {task && hasFailure && <Failure task={task} />}
    </>
  );
});

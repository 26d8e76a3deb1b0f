import { CircleSlash, RotateCcw, TriangleAlert } from "lucide-react";
import type { Task } from "@/api/models";
import { RequireWriteAccess } from "@/components/require-write-access";
import { Button } from "@/components/ui/button";
import { texts } from "@/texts";
import { explainTaskError, findReason } from "@/texts/explain";
import { retryTask } from "../task-actions";
import { ContinueButton } from "./continue-button";

/** Explains why a turn failed or has no answer. Buttons retry or continue the turn. */
export function Failure(props: {
  task: Task;
  /** Whether a part of the answer arrived. */
  hasAnswer: boolean;
  canContinue: boolean;
}) {
  const { task, canContinue } = props;
  const isFailed = task.status === "failed";
  const Icon = isFailed ? TriangleAlert : CircleSlash;
  const reason = task.error ? findReason(task) : null;
  const explanation = explainTaskError(task, props.hasAnswer);
  const text = {
    failed: explanation,
    cancelled: task.error ? explanation : texts.finish.cancelled,
    interrupted: task.error ? explanation : texts.finish.interrupted,
  };
  if (task.status !== "failed" && task.status !== "cancelled" && task.status !== "interrupted")
    return null;
  return (
    <div
      className={`mb-2 flex max-w-[94%] flex-wrap items-center gap-x-4 gap-y-1.5 self-start rounded-bubble rounded-es-[6px] py-2 pe-2 ps-3.5 text-note md:max-w-[86%] ${isFailed ? "bg-bad-soft text-bad" : "bg-bubble text-ink-2"}`}
    >
      <span className="flex min-w-0 items-start gap-2 [overflow-wrap:anywhere]">
        <Icon size={15} aria-hidden="true" className="mt-[3px] shrink-0" />
        <span className="min-w-0">
          {text[task.status]}
          {reason && <span className="block text-ink-2">{reason}</span>}
        </span>
      </span>
      <RequireWriteAccess>
        {canContinue && <ContinueButton sessionId={task.chat_session_id} />}
        <Button
          size="small"
          className="rounded-[12px]!"
          onClick={() => void retryTask(task.chat_session_id, task.id)}
        >
          <RotateCcw size={14} aria-hidden="true" />
          {texts.common.retry}
        </Button>
      </RequireWriteAccess>
    </div>
  );
}

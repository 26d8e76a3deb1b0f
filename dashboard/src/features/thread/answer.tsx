import { CircleSlash, Info, RotateCcw, TriangleAlert } from "lucide-react";
import { memo, useState } from "react";
import type { Message, Step, Task } from "@/api/models";
import { RequireWriteAccess } from "@/components/require-write-access";
import { Button, TextButton } from "@/components/ui/button";
import { useStore } from "@/stream/store";
import { toPlainText } from "@/terminal/screen";
import { texts } from "@/texts";
import { explainEnding, explainTaskError, findReason } from "@/texts/explain";
import { formatClock, formatElapsed, formatExact } from "@/time";
import { type AnswerFormat, AnswerText } from "./answer-text";
import { CopyButton } from "./copy-button";
import { retryTask } from "./task-actions";
import type { ThreadAgent } from "./thread-agent";
import { TurnDetails } from "./turn-details";
import { TypingBubble } from "./typing-bubble";

const bubbleOfAgent =
  "self-start max-w-[94%] md:max-w-[86%] min-w-0 rounded-bubble rounded-bl-[6px] bg-bubble px-[15px] py-[10px] [overflow-wrap:anywhere]";

/** Shorter durations are not shown. */
const MIN_DURATION_MS = 1000;

/** A finished answer. If the answer is incomplete, the reason is shown. */
export const Answer = memo(function Answer(props: {
  message: Message;
  task: Task | null;
  agent: ThreadAgent;
  steps: readonly Step[];
  /** Whether a failure shown below the answer explains how it ended. */
  hasFailure: boolean;
  /** Whether the turn was stopped and can therefore be retried. */
  canRetry: boolean;
}) {
  const { message, agent } = props;
  const [hasDetails, setDetails] = useState(false);
  const isEmpty = message.content === "";
  const ending = props.hasFailure ? null : explainEnding(message, props.steps);
  return (
    <div className="group flex min-w-0 flex-col self-stretch">
      {!isEmpty && (
        <div className={bubbleOfAgent} data-answer="">
          <span className="sr-only">{texts.thread.agentSaid(agent.name)}: </span>
          <AnswerText text={message.content} format={agent.format} isStreaming={false} />
        </div>
      )}
      <div className="flex min-h-6 flex-wrap items-center gap-x-1.5 self-start px-1 pt-1 pb-2 text-ink-3 text-small tabular-nums">
        {ending && (
          <span className="inline-flex items-center gap-1.5 text-ink-2">
            <CircleSlash size={12} aria-hidden="true" />
            {ending} <span aria-hidden="true">·</span>
          </span>
        )}
        <span>
          <time dateTime={message.created_at} title={formatExact(message.created_at)}>
            {formatClock(message.created_at)}
          </time>
          {message.elapsed_ms !== null && message.elapsed_ms >= MIN_DURATION_MS && (
            // There is no room for both the reason and the duration on a phone.
            <span className={ending ? "max-sm:hidden" : ""}>
              {` · ${texts.thread.took(formatElapsed(message.elapsed_ms))}`}
            </span>
          )}
        </span>
        {props.canRetry && (
          <RequireWriteAccess>
            <span aria-hidden="true">·</span>
            <TextButton onClick={() => void retryTask(message.chat_session_id, message.task_id)}>
              {texts.common.retry}
            </TextButton>
          </RequireWriteAccess>
        )}
        {!isEmpty && (
          <CopyButton text={toPlainText(message.content)} isShort className="reveal ml-1" />
        )}
        <button
          type="button"
          aria-expanded={hasDetails}
          onClick={() => setDetails(!hasDetails)}
          className={`tap inline-flex items-center rounded px-1 text-ink-3 text-small hover:text-ink max-md:ml-2 ${hasDetails ? "" : "reveal"}`}
        >
          <Info size={13} aria-hidden="true" className="md:hidden" />
          <span className="max-md:sr-only">{texts.thread.details}</span>
        </button>
      </div>
      {hasDetails && <TurnDetails message={message} task={props.task} />}
    </div>
  );
});

/** The answer in progress: its text so far and the status of the turn. */
export const LiveAnswer = memo(function LiveAnswer(props: {
  task: Task;
  steps: readonly Step[];
  format: AnswerFormat | null;
  /** Whether this is the first unfinished turn. Other turns are shown only if they have text. */
  isHead: boolean;
}) {
  const { task } = props;
  const text = useStore((state) => state.threads[task.chat_session_id]?.live[task.id]?.text ?? "");
  if (!props.isHead && text === "") return null;
  return (
    // Screen readers announce the finished answer instead of each token.
    <div aria-live="off" className="flex min-w-0 flex-col self-stretch pb-2">
      {text !== "" && (
        <div className={`${bubbleOfAgent} animate-rise`} data-live="">
          <AnswerText text={text} format={props.format} isStreaming />
        </div>
      )}
      <TypingBubble task={task} steps={props.steps} hasText={text !== ""} />
    </div>
  );
});

/** Explains why a turn failed or has no answer. A button retries the turn. */
export function Failure({ task }: { task: Task }) {
  const isFailed = task.status === "failed";
  const Icon = isFailed ? TriangleAlert : CircleSlash;
  const reason = task.error ? findReason(task) : null;
  const text = {
    failed: explainTaskError(task),
    cancelled: task.error ? explainTaskError(task) : texts.finish.cancelled,
    interrupted: task.error ? explainTaskError(task) : texts.finish.interrupted,
  };
  if (task.status !== "failed" && task.status !== "cancelled" && task.status !== "interrupted")
    return null;
  return (
    <div
      className={`mb-2 flex max-w-[94%] flex-wrap items-center gap-x-4 gap-y-1.5 self-start rounded-bubble rounded-bl-[6px] py-2 pr-2 pl-3.5 text-note md:max-w-[86%] ${isFailed ? "bg-bad-soft text-bad" : "bg-bubble text-ink-2"}`}
    >
      <span className="flex min-w-0 items-start gap-2 [overflow-wrap:anywhere]">
        <Icon size={15} aria-hidden="true" className="mt-[3px] shrink-0" />
        <span className="min-w-0">
          {text[task.status]}
          {reason && <span className="block text-ink-2">{reason}</span>}
        </span>
      </span>
      <RequireWriteAccess>
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

import { CircleSlash, Info } from "lucide-react";
import { memo, useState } from "react";
import type { Message, Step, Task } from "@/api/models";
import { RequireWriteAccess } from "@/components/require-write-access";
import { TextButton } from "@/components/ui/button";
import { useStore } from "@/stream/store";
import { toPlainText } from "@/terminal/screen";
import { texts } from "@/texts";
import { explainEnding } from "@/texts/explain";
import { formatClock, formatElapsed, formatExact } from "@/time";
import { retryTask } from "../task-actions";
import type { ThreadAgent } from "../thread-agent";
import { isBlank } from "./answer-layout";
import { AnswerSegments } from "./answer-segments";
import { ContinueButton } from "./continue-button";
import { CopyButton } from "./copy-button";
import { TurnDetails } from "./turn-details";
import { TypingBubble } from "./typing-bubble";

/** Shorter durations are not shown. */
const MIN_DURATION_MS = 1000;

/** A finished answer with its steps. If the answer is incomplete, the reason is shown. */
export const Answer = memo(function Answer(props: {
  message: Message;
  task: Task | null;
  agent: ThreadAgent;
  steps: readonly Step[];
  /** Whether a failure shown below the answer explains how it ended. */
  hasFailure: boolean;
  /** Whether the turn was stopped and can therefore be retried. */
  canRetry: boolean;
  /** Whether this is the newest answer. Its actions are always shown. */
  isNewest: boolean;
  /** Whether the time is always shown, rather than only on hover. */
  hasTime: boolean;
}) {
  const { message, agent } = props;
  const [hasDetails, setDetails] = useState(false);
  const isEmpty = isBlank(message.content);
  const ending = props.hasFailure ? null : explainEnding(message, props.steps);
  const time = (
    <>
      <time dateTime={message.created_at} title={formatExact(message.created_at)}>
        {formatClock(message.created_at)}
      </time>
      {message.elapsed_ms !== null && message.elapsed_ms >= MIN_DURATION_MS && (
        // There is no room for both the reason and the duration on a phone.
        <span className={ending ? "max-sm:hidden" : ""}>
          {` · ${texts.thread.took(formatElapsed(message.elapsed_ms))}`}
        </span>
      )}
    </>
  );
  const reveal = props.isNewest ? "" : "reveal";
  return (
    <div className="group flex min-w-0 flex-col self-stretch" data-finished="">
      <div className="flex min-w-0 flex-col gap-1">
        {!isEmpty && <span className="sr-only">{texts.thread.agentSaid(agent.name)}: </span>}
        <AnswerSegments
          text={message.content}
          steps={props.steps}
          task={props.task}
          agent={agent}
          isStreaming={false}
        />
      </div>
      <div className="flex min-h-6 flex-wrap items-center gap-x-1.5 self-start px-3.5 pt-1 pb-2 text-ink-3 text-small tabular-nums">
        {ending && (
          <span className="inline-flex items-center gap-1.5 text-ink-2">
            <CircleSlash size={12} aria-hidden="true" />
            {ending} <span aria-hidden="true">·</span>
          </span>
        )}
        {props.hasTime && (
          <span>
            {time}
            {props.canRetry && <span aria-hidden="true"> ·</span>}
          </span>
        )}
        {props.canRetry && (
          <RequireWriteAccess>
            {props.isNewest && (
              <>
                <ContinueButton sessionId={message.chat_session_id} />
                <span aria-hidden="true">·</span>
              </>
            )}
            <TextButton onClick={() => void retryTask(message.chat_session_id, message.task_id)}>
              {texts.common.retry}
            </TextButton>
          </RequireWriteAccess>
        )}
        {!isEmpty && (
          <CopyButton text={toPlainText(message.content)} isShort isAnswer className={reveal} />
        )}
        <button
          type="button"
          aria-expanded={hasDetails}
          onClick={() => setDetails(!hasDetails)}
          className={`tap inline-flex items-center rounded px-1 text-ink-3 text-small hover:text-ink print:hidden max-md:ms-2 ${hasDetails ? "" : reveal}`}
        >
          <Info size={13} aria-hidden="true" className="md:hidden" />
          <span className="max-md:sr-only">{texts.thread.details}</span>
        </button>
        {/* What is shown only on hover comes last, so that the rest is aligned with the answer. */}
        {!props.hasTime && <span className="reveal [@media(hover:none)]:hidden">{time}</span>}
      </div>
      {hasDetails && <TurnDetails message={message} task={props.task} />}
    </div>
  );
});

/** The answer in progress: its text and steps so far, and the status of the turn. */
export const LiveAnswer = memo(function LiveAnswer(props: {
  task: Task;
  agent: ThreadAgent;
  steps: readonly Step[];
  /** Whether this is the first unfinished turn. Other turns are shown only if they have text. */
  isHead: boolean;
}) {
  const { task, steps, agent } = props;
  const text = useStore((state) => state.threads[task.chat_session_id]?.live[task.id]?.text ?? "");
  const hasText = !isBlank(text);
  if (!props.isHead && !hasText && steps.length === 0) return null;
  return (
    <div className="flex min-w-0 flex-col gap-1 self-stretch pb-2">
      {/* Screen readers announce the finished answer instead of each token. */}
      <div aria-live="off" className="flex min-w-0 flex-col gap-1">
        <AnswerSegments text={text} steps={steps} task={task} agent={agent} isStreaming />
      </div>
      {(props.isHead || hasText) && <TypingBubble task={task} steps={steps} hasText={hasText} />}
    </div>
  );
});

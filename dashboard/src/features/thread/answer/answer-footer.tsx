import { CircleSlash, Info } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import type { Message, Step, Task } from "@/api/models";
import { RequireWriteAccess } from "@/components/require-write-access";
import { TextButton } from "@/components/ui/button";
import { toPlainText } from "@/terminal/screen";
import { texts } from "@/texts";
import { explainEnding } from "@/texts/explain";
import { formatClock, formatElapsed, formatExact } from "@/time";
import { retryTask } from "../task-actions";
import { isBlank } from "./answer-layout";
import { ContinueButton } from "./continue-button";
import { CopyButton } from "./copy-button";

const TurnDetails = lazy(async () => ({
  default: (await import("./turn-details")).TurnDetails,
}));
const AnswerActions = lazy(async () => ({
  default: (await import("./answer-actions")).AnswerActions,
}));

/** Shorter durations are not shown. */
const MIN_DURATION_MS = 1000;

/** How and when an answer was finished, and its actions. See `Answer` for the properties. */
export function AnswerFooter(props: {
  message: Message;
  task: Task | null;
  steps: readonly Step[];
  hasFailure: boolean;
  canRetry: boolean;
  isNewest: boolean;
  hasTime: boolean;
}) {
  const { message } = props;
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
    <>
      <div
        aria-live="off"
        className="flex min-h-6 flex-wrap items-center gap-x-1.5 self-start px-3.5 pt-1 pb-2 text-ink-3 text-small tabular-nums"
      >
        {ending && (
          <span className="inline-flex items-center gap-1.5 text-ink-2">
            <CircleSlash size={12} aria-hidden="true" />
            {ending} {(props.hasTime || props.canRetry) && <span aria-hidden="true">·</span>}
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
        <Suspense>
          <AnswerActions
            message={message}
            canRegenerate={!props.canRetry && !props.hasFailure}
            className={reveal}
          />
        </Suspense>
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
      {hasDetails && (
        <Suspense>
          <TurnDetails message={message} task={props.task} />
        </Suspense>
      )}
    </>
  );
}

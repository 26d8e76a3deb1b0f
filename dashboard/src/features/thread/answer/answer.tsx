import { memo } from "react";
import { attachmentsOf, type Message, type Step, type Task } from "@/api/models";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";
import { MessageFiles } from "../message/message-files";
import type { ThreadAgent } from "../thread-agent";
import { AnswerFooter } from "./answer-footer";
import { isBlank } from "./answer-layout";
import { AnswerSegments } from "./answer-segments";
import { TypingBubble } from "./typing-bubble";

/**
 * The answer of a turn with its steps and files: the answer in progress with the status of the turn, or the
 * finished answer with its actions. The text is rendered by the same elements when the answer is
 * finished, so that a selection or a click is not lost.
 */
export const Answer = memo(function Answer(props: {
  /** The finished answer; null while it is in progress, or if the turn ended without an answer. */
  message: Message | null;
  task: Task | null;
  agent: ThreadAgent;
  steps: readonly Step[];
  /** Whether this is the first unfinished turn. Other turns are shown only if they have text. */
  isHead: boolean;
  /** Whether a failure shown below the answer explains how it ended. */
  hasFailure: boolean;
  /** Whether the turn was stopped and can therefore be retried. */
  canRetry: boolean;
  /** Whether this is the newest answer. Its actions are always shown. */
  isNewest: boolean;
  /** Whether the time is always shown, rather than only on hover. */
  hasTime: boolean;
}) {
  const { message, task, steps, agent } = props;
  const liveText = useStore((state) =>
    task && !message ? (state.threads[task.chat_session_id]?.live[task.id]?.text ?? "") : "",
  );
  const text = message?.content ?? liveText;
  const hasText = !isBlank(text);
  if (!message && !props.isHead && !hasText && steps.length === 0) return null;
  return (
    <div
      className={`group flex min-w-0 flex-col self-stretch ${message ? "" : "pb-2"}`}
      {...(message ? { "data-finished": "" } : {})}
    >
      {/* Screen readers announce the finished answer instead of each token. See `Announcer`. */}
      <div aria-live="off" className="flex min-w-0 flex-col gap-1">
        {hasText && <span className="sr-only">{texts.thread.agentSaid(agent.name)}: </span>}
        <AnswerSegments
          text={text}
          steps={steps}
          task={task}
          agent={agent}
          isStreaming={message === null}
        />
        {message && (
          <MessageFiles
            files={attachmentsOf(message)}
            author={texts.thread.agentSaid(agent.name)}
            isAnswer
          />
        )}
      </div>
      {message && <AnswerFooter {...props} message={message} />}
      {!message && task && (props.isHead || hasText) && (
        <TypingBubble task={task} steps={steps} hasText={hasText} />
      )}
    </div>
  );
});

import { memo } from "react";
import type { Step, Task } from "@/api/models";
import { findRetryTime } from "@/retry-time";
import { useServerNow } from "@/stream/clock";
import { useStore } from "@/stream/store";
import { useConnectionTrouble } from "@/stream/use-connection";
import { formatElapsed } from "@/time";
import { useIsStopping } from "../task-actions";
import { describeTurn } from "./turn-status";

/** How long to hide the status text of a turn without steps. Most answers start sooner. */
const STATUS_DELAY_MS = 900;

/** The status of an unfinished turn and the elapsed time, in a bubble or below the text so far. */
export const TypingBubble = memo(function TypingBubble(props: {
  task: Task;
  steps: readonly Step[];
  hasText: boolean;
}) {
  const { task, steps, hasText } = props;
  const now = useServerNow(500);
  const typing = useStore((state) => state.typing[task.chat_session_id]);
  const isConnected = useConnectionTrouble() === null;
  const isStopping = useIsStopping(task.id);
  const status = describeTurn({
    task,
    steps,
    hasText,
    typing,
    isConnected,
    isStopping,
    nowMs: now,
  });
  // A long wait is shown in a separate card.
  if (!status || findRetryTime(task, now)) return null;
  const elapsed = status.since ? now - Date.parse(status.since) : null;
  const isFresh = elapsed !== null && elapsed < STATUS_DELAY_MS && steps.length === 0;
  const frame = hasText
    ? "px-3.5 text-small text-ink-3"
    : "animate-rise rounded-bubble rounded-es-[6px] bg-bubble px-3.5 py-[11px] text-note text-ink-2";

  return (
    <div className={`mt-1 flex max-w-full items-center gap-2.5 self-start ${frame}`}>
      <span aria-hidden="true" className="flex gap-1">
        {[0, 150, 300].map((delay) => (
          <i
            key={delay}
            style={{ animationDelay: `${delay}ms` }}
            className={`rounded-full bg-ink-3 ${hasText ? "size-[4px]" : "size-1.5"} ${status.isAlive ? "animate-dot" : "opacity-45"}`}
          />
        ))}
      </span>
      {!isFresh && (
        <span className="min-w-0 tabular-nums [overflow-wrap:anywhere]">
          {status.text}
          {elapsed !== null && elapsed >= 1000 && ` · ${formatElapsed(elapsed)}`}
        </span>
      )}
    </div>
  );
});

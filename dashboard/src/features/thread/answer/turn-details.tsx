import type { Message, Task } from "@/api/models";
import { texts } from "@/texts";
import { formatExact } from "@/time";

/** The details of a finished turn: time, token usage, and number of attempts. */
export function TurnDetails({ message, task }: { message: Message; task: Task | null }) {
  const usage = message.usage ?? task?.usage;
  return (
    <div className="px-3.5 pb-3 text-ink-2 text-small tabular-nums">
      <p>{formatExact(message.created_at)}</p>
      {usage && <p>{texts.thread.tokenUsage(usage.input_tokens, usage.output_tokens)}</p>}
      {task && task.attempt > 1 && <p>{texts.thread.attempts(task.attempt)}</p>}
    </div>
  );
}

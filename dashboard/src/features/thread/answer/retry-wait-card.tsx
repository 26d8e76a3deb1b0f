import { useNavigate } from "@tanstack/react-router";
import { Clock } from "lucide-react";
import { useAgents } from "@/api/agents";
import type { Message, Task } from "@/api/models";
import { RequireWriteAccess } from "@/components/require-write-access";
import { Button } from "@/components/ui/button";
import { replaceDraft } from "@/drafts";
import { findRetryTime } from "@/retry-time";
import { useServerNow } from "@/stream/clock";
import { toPlainText } from "@/terminal/screen";
import { texts } from "@/texts";
import { explainWait, findReason } from "@/texts/explain";
import { stopTask, useIsStopping } from "../task-actions";

const RENEW_MS = 5000;

/**
 * Explains why a turn is waiting and when it will be retried, if its next attempt is at least a
 * minute away. The buttons stop the turn or copy its message to a new chat with another agent.
 */
export function RetryWaitCard(props: { task: Task; message: Message | null; agentKey: string }) {
  const now = useServerNow(RENEW_MS);
  const until = findRetryTime(props.task, now);
  return until === null ? null : <Card {...props} until={until} />;
}

function Card(props: { task: Task; message: Message | null; agentKey: string; until: string }) {
  const { task, message, until } = props;
  const navigate = useNavigate();
  const isStopping = useIsStopping(task.id);
  const others = useAgents().data?.filter((one) => one.available && one.key !== props.agentKey);
  const other = others?.[0];
  const reason = findReason(task);
  function startOver(agent: string) {
    if (message) replaceDraft("new", message.content);
    void navigate({ to: "/new", search: { agent } });
  }
  return (
    <div className="mb-2 flex max-w-[94%] flex-col gap-2.5 self-start rounded-bubble rounded-es-[6px] bg-bubble px-[15px] py-[10px] text-note md:max-w-[86%]">
      <span className="flex min-w-0 items-start gap-2 [overflow-wrap:anywhere]">
        <Clock size={15} aria-hidden="true" className="mt-[3px] shrink-0 text-ink-3" />
        <span className="min-w-0">
          {explainWait(task, until)}
          {reason && <span className="block text-ink-2">{toPlainText(reason)}</span>}
        </span>
      </span>
      <RequireWriteAccess>
        <span className="flex flex-wrap gap-2">
          <Button
            size="small"
            disabled={isStopping}
            onClick={() => void stopTask(task.chat_session_id, task.id)}
          >
            {isStopping ? texts.status.stopping : texts.composer.stop}
          </Button>
          {other && (
            <Button
              size="small"
              className="h-auto! min-h-8 pointer-coarse:min-h-10 py-1"
              onClick={() => startOver(other.key)}
            >
              {texts.thread.askAnotherAgent}
            </Button>
          )}
        </span>
      </RequireWriteAccess>
    </div>
  );
}

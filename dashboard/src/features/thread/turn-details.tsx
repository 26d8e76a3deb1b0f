import { useQuery } from "@tanstack/react-query";
import { body, client } from "@/api/client";
import type { Message } from "@/api/models";
import { texts } from "@/texts";
import { StepList } from "./steps";

/** How a finished turn went: fetched when somebody wants to see it. */
export function TurnDetails({ message }: { message: Message }) {
  const { data: task, isError } = useQuery({
    queryKey: ["task", message.task_id, message.id],
    queryFn: () => {
      const path = { id: message.chat_session_id, tid: message.task_id };
      return body(client.GET("/v1/chat/{id}/tasks/{tid}", { params: { path } }));
    },
  });
  const usage = message.usage ?? task?.usage;
  return (
    <div className="min-h-6 px-1 pb-3 text-ink-2 text-note">
      {isError && <p>{texts.thread.detailsFailed}</p>}
      {task && (
        <>
          {task.steps.length > 0 ? <StepList steps={task.steps} /> : <p>{texts.thread.noSteps}</p>}
          {task.attempt > 1 && <p>{texts.thread.attempts(task.attempt)}</p>}
          {usage && <p>{texts.thread.tokens(usage.input_tokens, usage.output_tokens)}</p>}
        </>
      )}
    </div>
  );
}

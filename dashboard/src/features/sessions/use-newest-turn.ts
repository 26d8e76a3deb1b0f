import { useQuery } from "@tanstack/react-query";
import { body, client } from "@/api/client";
import type { Message, Session, Task } from "@/api/models";
import { useStore } from "@/stream/store";
import { listTurns } from "@/stream/turns";

export interface NewestTurn {
  readonly task: Task | null;
  readonly answer: Message | null;
}

const none: NewestTurn = { task: null, answer: null };

/** Returns whether the newest turn has ended but the session does not contain its outcome. */
function lacksEnding({ active_task, queued_count, last_message }: Session): boolean {
  if (active_task !== null || queued_count > 0 || !last_message) return false;
  return last_message.role === "user" || last_message.preview.trim() === "";
}

/**
 * Returns the newest turn of a session, as far as it is known. If the session does not contain the
 * turn's outcome and the thread is not loaded, the turn is fetched.
 */
export function useNewestTurn(session: Session): NewestTurn {
  const isLoaded = useStore((state) => state.threads[session.id]?.isLoaded === true);
  const newest = useStore((state) => {
    const thread = state.threads[session.id];
    return thread?.isLoaded ? listTurns(thread.messages).at(-1) : undefined;
  });
  const task = useStore((state) => {
    const taskId = newest?.user?.task_id ?? "";
    return state.threads[session.id]?.tasks[taskId]?.value ?? null;
  });
  const isWanted = lacksEnding(session);
  const { data } = useQuery({
    queryKey: ["newest turn", session.id, session.last_seq, session.updated_at],
    enabled: isWanted && !isLoaded,
    queryFn: async (): Promise<NewestTurn> => {
      const params = { path: { id: session.id }, query: { limit: 1 } };
      const { messages } = await body(client.GET("/v1/chat/{id}", { params }));
      return {
        task: messages.findLast(({ role }) => role === "user")?.task ?? null,
        answer: messages.findLast(({ role }) => role === "assistant") ?? null,
      };
    },
  });
  if (newest) return { task, answer: newest.answer };
  return isWanted && !isLoaded ? (data ?? none) : none;
}

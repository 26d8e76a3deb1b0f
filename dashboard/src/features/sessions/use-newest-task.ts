import { useQuery } from "@tanstack/react-query";
import { body, client } from "@/api/client";
import type { Session, Task } from "@/api/models";
import { listTurns } from "@/stream/order";
import { useStore } from "@/stream/store";

/**
 * The newest turn's task. The list says nothing of turns that have ended; so of a chat that was
 * not opened it is asked for where the last word is the user's, which an answer should follow.
 */
export function useNewestTask(session: Session): Task | null {
  const known = useStore((state) => {
    const thread = state.threads[session.id];
    const newest = thread?.isLoaded ? listTurns(thread.messages).at(-1)?.user : undefined;
    return newest ? thread?.tasks[newest.task_id]?.value : undefined;
  });
  const isLoaded = useStore((state) => state.threads[session.id]?.isLoaded === true);
  const isOpen = session.active_task !== null || session.queued_count > 0;
  const isUnanswered = session.last_message?.role === "user" && !isOpen;
  const { data } = useQuery({
    queryKey: ["newest task", session.id, session.last_seq, session.updated_at],
    enabled: isUnanswered && !isLoaded,
    queryFn: async () => {
      const params = { path: { id: session.id }, query: { limit: 1 } };
      const { messages } = await body(client.GET("/v1/chat/{id}", { params }));
      return messages.findLast(({ role }) => role === "user")?.task ?? null;
    },
  });
  return known ?? (isLoaded || !isUnanswered ? null : (data ?? null));
}

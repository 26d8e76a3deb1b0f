/** The newest turn of a session, which a session itself contains only in part. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { body, client } from "@/api/client";
import type { Message, Session, Step, Task } from "@/api/models";
import type { State } from "@/stream/state";
import { store, useStore } from "@/stream/store";
import { listTurns } from "@/stream/turns";

export interface NewestTurn {
  readonly task: Task | null;
  readonly user: Message | null;
  readonly answer: Message | null;
}

export const unknownTurn: NewestTurn = { task: null, user: null, answer: null };

/**
 * Returns whether the newest turn has ended but the session does not contain how: there is no
 * answer, or the answer may be incomplete. The latter matters only until it has been read.
 */
export function lacksEnding(session: Session): boolean {
  const { active_task, queued_count, last_message } = session;
  if (active_task !== null || queued_count > 0 || !last_message) return false;
  if (session.unread_count > 0) return true;
  return last_message.role === "user" || last_message.preview.trim() === "";
}

const none: readonly Step[] = [];

/** Fetches the steps of a turn that has not been read, to find requests that have expired. */
async function fetchSteps(task: Task): Promise<void> {
  const path = { id: task.chat_session_id, tid: task.id };
  const fetched = await body(client.GET("/v1/chat/{id}/tasks/{tid}", { params: { path } }));
  store.dispatch({ type: "task.fetched", task: fetched });
}

/**
 * The query for the newest turn of a session. `seq` is the log position of the session, because a
 * turn that ends without an answer does not change the session itself.
 */
export function newestTurnQuery(session: Session, seq: number) {
  return queryOptions({
    queryKey: ["newest turn", session.id, seq] as const,
    queryFn: async (): Promise<NewestTurn> => {
      const params = { path: { id: session.id }, query: { limit: 1 } };
      const { messages } = await body(client.GET("/v1/chat/{id}", { params }));
      const user = messages.findLast(({ role }) => role === "user") ?? null;
      const answer = messages.findLast(({ role }) => role === "assistant") ?? null;
      const task = user?.task ?? null;
      if (task && session.unread_count > 0 && !store.getState().steps[task.id])
        await fetchSteps(task);
      return { task, user, answer };
    },
  });
}

/** Returns the newest turn of a session, or undefined if its thread is not loaded. */
export function findLoadedTurn(state: State, sessionId: string): NewestTurn | undefined {
  const thread = state.threads[sessionId];
  const turn = thread?.isLoaded ? listTurns(thread.messages).at(-1) : undefined;
  if (!thread || !turn) return undefined;
  const task = thread.tasks[turn.user?.task_id ?? ""]?.value ?? null;
  return { task, user: turn.user, answer: turn.answer };
}

/**
 * Returns the newest turn of a session, as far as it is known. If the session does not contain the
 * turn's outcome and the thread is not loaded, the turn is fetched.
 */
export function useNewestTurn(session: Session): NewestTurn {
  const isLoaded = useStore((state) => state.threads[session.id]?.isLoaded === true);
  const seq = useStore((state) => state.sessions[session.id]?.seq ?? 0);
  const newest = useStore((state) => {
    const thread = state.threads[session.id];
    return thread?.isLoaded ? listTurns(thread.messages).at(-1) : undefined;
  });
  const task = useStore((state) => findLoadedTurn(state, session.id)?.task ?? null);
  const isWanted = lacksEnding(session) && !isLoaded;
  const { data } = useQuery({
    ...newestTurnQuery(session, seq),
    enabled: isWanted,
    placeholderData: (previous, query) =>
      query?.queryKey[1] === session.id ? previous : undefined,
  });
  if (newest) return { task, user: newest.user, answer: newest.answer };
  return isWanted ? (data ?? unknownTurn) : unknownTurn;
}

/** Returns the steps of the session's running turn, or else of its newest turn, if known. */
export function useNewestSteps(session: Session, newest: Task | null): readonly Step[] {
  const taskId = session.active_task?.id ?? newest?.id ?? "";
  const bySeq = useStore((state) => state.steps[taskId]?.bySeq);
  return bySeq ? Object.values(bySeq) : none;
}

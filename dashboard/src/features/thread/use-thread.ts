import { useMutation, useQuery } from "@tanstack/react-query";
import { ApiError, body, client } from "@/api/client";
import { parseCursor } from "@/stream/cursor";
import { store, useStore } from "@/stream/store";

/** The number of turns per page. */
const PAGE_TURNS = 50;

/** Fetches a thread into the store, and fetches it again after events have been missed. */
export function useThreadFetch(sessionId: string) {
  const generation = useStore((state) => state.generation);
  const gaps = useStore((state) => state.threads[sessionId]?.gaps ?? 0);
  return useQuery({
    queryKey: ["thread", sessionId, generation, gaps],
    queryFn: async () => {
      // From now on, the thread collects events. They are merged with the response.
      store.dispatch({ type: "thread.opened", sessionId });
      try {
        const params = { path: { id: sessionId }, query: { limit: PAGE_TURNS } };
        const data = await body(client.GET("/v1/chat/{id}", { params }));
        const asOf = parseCursor(data.as_of);
        if (!asOf) throw new Error("The thread has no position.");
        store.dispatch({ type: "thread.fetched", data, asOf });
        return data.as_of;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404)
          store.dispatch({ type: "session.gone", sessionId });
        throw error;
      }
    },
  });
}

/** Fetches the previous page of turns into the store. */
export function useOlderTurns(sessionId: string) {
  return useMutation({
    networkMode: "always",
    mutationFn: async () => {
      const { generation, threads } = store.getState();
      const beforeTurn = threads[sessionId]?.firstTurn ?? 0;
      const query = { before_turn: beforeTurn, limit: PAGE_TURNS };
      const params = { path: { id: sessionId }, query };
      const page = await body(client.GET("/v1/chat/{id}/messages", { params }));
      store.dispatch({
        type: "older.fetched",
        sessionId,
        beforeTurn,
        generation,
        items: page.items,
        hasMore: page.has_more,
      });
    },
  });
}

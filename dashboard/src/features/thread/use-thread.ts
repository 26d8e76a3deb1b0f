import { useQuery } from "@tanstack/react-query";
import { ApiError, body, client } from "@/api/client";
import { parseCursor } from "@/stream/cursor";
import { store, useStore } from "@/stream/store";
import { PAGE_TURNS } from "./turn-pages";

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

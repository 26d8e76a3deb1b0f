import { useQuery } from "@tanstack/react-query";
import { body, client } from "@/api/client";
import { findOpenRequests, listUnknownRequesters, type OpenRequests } from "@/stream/open-requests";
import { store, useStore } from "@/stream/store";

/** Returns the oldest open permission request of each session. */
export function useOpenRequests(): OpenRequests {
  return useStore(findOpenRequests);
}

/** Fetches a session into the store. */
export async function fetchSession(id: string): Promise<void> {
  const params = { path: { id }, query: { limit: 1 } };
  const { session } = await body(client.GET("/v1/chat/{id}", { params }));
  store.dispatch({ type: "session.accepted", session });
}

/**
 * Fetches the sessions with an open request that are further down the list than the loaded pages.
 */
export function useUnknownRequesters(): void {
  const ids = useStore((state) => listUnknownRequesters(state).join(" "));
  useQuery({
    queryKey: ["requesters", ids],
    enabled: ids !== "",
    queryFn: async () => {
      await Promise.all(ids.split(" ").map(fetchSession));
      return ids;
    },
  });
}

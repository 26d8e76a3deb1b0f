import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { body, client } from "@/api/client";
import { store } from "./store";

/** How long to wait after the last key press before searching. */
const PAUSE_MS = 150;
/** Shorter queries are not sent, because they match nearly everything. */
const MIN_LENGTH = 2;

/** Returns the value once it has not changed for a while. */
export function usePaused(value: string): string {
  const [paused, setPaused] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return paused;
}

/**
 * Searches the titles of all chats, including those that are not loaded. Adds up to 20 matches to
 * the store.
 */
export function useSearchOnServer(query: string): void {
  const q = usePaused(query.trim());
  useQuery({
    queryKey: ["search", q],
    enabled: q.length >= MIN_LENGTH,
    retry: false,
    queryFn: async () => {
      const params = { query: { status: "all" as const, q, limit: 20 } };
      const { items } = await body(client.GET("/v1/chat", { params }));
      store.dispatch(...items.map((session) => ({ type: "session.accepted" as const, session })));
      return items.length;
    },
  });
}

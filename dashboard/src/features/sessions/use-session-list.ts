import { useInfiniteQuery } from "@tanstack/react-query";
import { body, client } from "@/api/client";
import { parseCursor } from "@/stream/cursor";
import type { ListedStatus } from "@/stream/state";
import { store, useStore } from "@/stream/store";

const PAGE_SIZE = 50;

/** Fetches the list into the store, page by page. The cache holds the pages' cursors only. */
export function useSessionList(status: ListedStatus, isEnabled = true) {
  const generation = useStore((state) => state.generation);
  return useInfiniteQuery({
    enabled: isEnabled,
    queryKey: ["sessions", status, generation],
    initialPageParam: "",
    queryFn: async ({ pageParam }) => {
      const query = { status, limit: PAGE_SIZE, ...(pageParam ? { cursor: pageParam } : {}) };
      const page = await body(client.GET("/v1/chat", { params: { query } }));
      const asOf = parseCursor(page.as_of);
      if (!asOf) throw new Error("The list came without a position.");
      store.dispatch({
        type: "sessions.fetched",
        status,
        items: page.items,
        page: { isFirst: pageParam === "", isLast: !page.next_cursor },
        asOf,
      });
      return page.next_cursor ?? null;
    },
    getNextPageParam: (nextCursor) => nextCursor,
  });
}

/** Whether it is certain that this user has no chat at all, not even an archived one. */
export function useHasNoChats(): boolean {
  const active = useSessionList("active");
  const isEmpty = useStore((state) =>
    Object.values(state.sessions).every(({ value }) => value === null),
  );
  const archived = useSessionList("archived", active.isSuccess && isEmpty);
  return isEmpty && active.isSuccess && archived.isSuccess;
}

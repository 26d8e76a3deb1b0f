import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { body, client } from "@/api/client";
import type { Session } from "@/api/models";
import { parseCursor } from "@/stream/cursor";
import type { ListedStatus } from "@/stream/state";
import { store, useStore } from "@/stream/store";

const PAGE_SIZE = 50;

/**
 * Where a page starts: after the last session of the previous page. Both fields are null for the
 * first page.
 */
interface PageStart {
  readonly cursor: string | null;
  readonly after: Session | null;
}

const start: PageStart = { cursor: null, after: null };

/**
 * Fetches a list into the store, page by page. The Query cache holds only where each page starts.
 */
export function useSessionList(status: ListedStatus, isEnabled = true) {
  const generation = useStore((state) => state.generation);
  return useInfiniteQuery({
    enabled: isEnabled,
    queryKey: ["sessions", status, generation],
    initialPageParam: start,
    queryFn: async ({ pageParam: { cursor, after } }) => {
      const query = { status, limit: PAGE_SIZE, ...(cursor ? { cursor } : {}) };
      const page = await body(client.GET("/v1/chat", { params: { query } }));
      const asOf = parseCursor(page.as_of);
      if (!asOf) throw new Error("The session list has no position.");
      store.dispatch({
        type: "sessions.fetched",
        status,
        items: page.items,
        page: { after, isLast: page.next_cursor === null },
        asOf,
      });
      return { cursor: page.next_cursor, after: page.items.at(-1) ?? null };
    },
    getNextPageParam: (next) => (next.cursor === null ? null : next),
  });
}

const UNREAD_PAGE_SIZE = 100;

function fetchUnread(cursor: string | null, signal: AbortSignal) {
  const query = { unread: true, limit: UNREAD_PAGE_SIZE, ...(cursor ? { cursor } : {}) };
  return body(client.GET("/v1/chat", { params: { query }, signal }));
}

/**
 * Fetches all unread sessions if the list has more pages, so that the unread count is complete. The
 * stream then keeps the count up to date.
 */
export function useUnreadSessions(): void {
  const { hasNextPage } = useSessionList("active");
  const generation = useStore((state) => state.generation);
  useQuery({
    enabled: hasNextPage,
    queryKey: ["sessions", "unread", generation],
    queryFn: async ({ signal }) => {
      const pages = [await fetchUnread(null, signal)];
      for (let next = pages[0]?.next_cursor; next; next = pages.at(-1)?.next_cursor)
        pages.push(await fetchUnread(next, signal));
      // Use the position of the first page. Events contain all later changes.
      const asOf = parseCursor(pages[0]?.as_of ?? "");
      const items = pages.flatMap((page) => page.items);
      if (!asOf) throw new Error("The session list has no position.");
      store.dispatch({ type: "unread.fetched", items, asOf });
      return items.length;
    },
  });
}

/** Returns whether the user is known to have no sessions, not even archived ones. */
export function useHasNoChats(): boolean {
  const active = useSessionList("active");
  const isEmpty = useStore((state) =>
    Object.values(state.sessions).every(({ value }) => value === null),
  );
  const archived = useSessionList("archived", active.isSuccess && isEmpty);
  return isEmpty && active.isSuccess && archived.isSuccess;
}

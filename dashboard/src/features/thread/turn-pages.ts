/** Fetches pages of a thread's turns into the store. */
import { useMutation } from "@tanstack/react-query";
import { body, client } from "@/api/client";
import type { Thread } from "@/stream/state";
import { store } from "@/stream/store";
import { includes, type PageBound, rangeOfPage } from "@/stream/turn-range";

/** The number of turns that are fetched when the user scrolls. */
export const PAGE_TURNS = 50;
/** The maximum number of turns per page. The api has the same limit. */
export const MAX_PAGE_TURNS = 200;
/** The number of turns that are fetched before the turn that the user jumps to. */
const CONTEXT_TURNS = 15;
/** How often a page is fetched again if the thread was refetched in the meantime. */
const MAX_ATTEMPTS = 3;

/** Fetches one page. */
export async function fetchPage(
  sessionId: string,
  bound: PageBound,
  options: { limit?: number; signal?: AbortSignal } = {},
) {
  const { limit = PAGE_TURNS, signal } = options;
  const query =
    "before" in bound ? { before_turn: bound.before, limit } : { after_turn: bound.after, limit };
  const params = { path: { id: sessionId }, query };
  const init = signal ? { params, signal } : { params };
  return body(client.GET("/v1/chat/{id}/messages", init));
}

/**
 * Fetches a page into the store. It extends the turns that it adjoins, or replaces the thread's
 * excerpt.
 */
async function fetchTurns(sessionId: string, bound: PageBound, limit = PAGE_TURNS): Promise<void> {
  const { generation, threads } = store.getState();
  const thread = threads[sessionId];
  if (!thread) return;
  const { items, has_more: hasMore } = await fetchPage(sessionId, bound, { limit });
  const about = { sessionId, generation, items };
  if ("before" in bound && bound.before >= thread.firstTurn)
    store.dispatch({ type: "older.fetched", ...about, beforeTurn: bound.before, hasMore });
  else {
    const range = rangeOfPage(bound, items, hasMore);
    const { fetchedAt } = thread;
    store.dispatch({ type: "excerpt.fetched", ...about, range, fetchedAt });
  }
}

/** Returns a mutation that fetches the page next to fetched turns. */
export function useTurnPages(sessionId: string) {
  return useMutation({
    networkMode: "always",
    mutationFn: (bound: PageBound) => fetchTurns(sessionId, bound),
  });
}

/** Returns whether the turn has been fetched, or would have been if it existed. */
export function isTurnFetched({ firstTurn, hasMore, excerpt }: Thread, turn: number): boolean {
  return !hasMore || turn >= firstTurn || (excerpt !== null && includes(excerpt, turn));
}

/** Fetches a turn and its neighbors unless they are in the store. */
export async function loadTurn(sessionId: string, turn: number): Promise<void> {
  const bound = { after: Math.max(0, turn - CONTEXT_TURNS) };
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const thread = store.getState().threads[sessionId];
    if (!thread || isTurnFetched(thread, turn)) return;
    await fetchTurns(sessionId, bound);
  }
}

/** Fetches older turns until `isEnough` returns true or all turns are in the store. */
export async function loadOlderTurns(
  sessionId: string,
  isEnough: (thread: Thread) => boolean = () => false,
): Promise<void> {
  for (;;) {
    const thread = store.getState().threads[sessionId];
    if (!thread?.hasMore || isEnough(thread)) return;
    await fetchTurns(sessionId, { before: thread.firstTurn }, MAX_PAGE_TURNS);
    // The thread was refetched in the meantime, so the page was ignored.
    if (store.getState().threads[sessionId]?.firstTurn === thread.firstTurn) return;
  }
}

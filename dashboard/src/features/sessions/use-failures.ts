import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { client } from "@/api/client";
import { useCanWrite } from "@/api/me";
import type { Session } from "@/api/models";
import { usePageFocus } from "@/page-focus";
import { listSessions } from "@/stream/session-order";
import { useStore } from "@/stream/store";
import { isFailure, isUnseenFailure, noteSeenFailure, useSeenFailures } from "./failures";
import {
  findLoadedTurn,
  lacksEnding,
  type NewestTurn,
  newestTurnQuery,
  unknownTurn,
  useNewestTurn,
} from "./newest-turn";

/** Returns whether the newest turn of a session failed and the user has not seen it. */
export function useIsUnseenFailure(session: Session, turn: NewestTurn): boolean {
  const seen = useSeenFailures()[session.id];
  return isUnseenFailure(session, turn, seen);
}

/**
 * Returns how many of the loaded sessions have a failed newest turn that the user has not seen, not
 * counting the session with the ID `except`.
 */
export function useUnseenFailures(except: string): number {
  const sessions = useStore((state) => state.sessions);
  const seen = useSeenFailures();
  const loaded = useStore((state) =>
    Object.keys(state.threads)
      .filter((id) => state.threads[id]?.isLoaded)
      .join(" "),
  );
  const candidates = useMemo(
    () =>
      listSessions(sessions, "active").filter(
        (session) =>
          session.id !== except &&
          lacksEnding(session) &&
          (session.last_seq > session.last_read_seq || seen[session.id] !== undefined),
      ),
    [sessions, seen, except],
  );
  const isLoaded = new Set(loaded.split(" "));
  const queries = candidates
    .filter(({ id }) => !isLoaded.has(id))
    .map((session) => newestTurnQuery(session, sessions[session.id]?.seq ?? 0));
  const { data: fetched } = useQuery({
    queryKey: ["newest turns", ...queries.map(({ queryKey }) => queryKey)],
    enabled: queries.length > 0,
    placeholderData: keepPreviousData,
    // The rows use the same queries, so each turn is fetched once.
    queryFn: async ({ client }): Promise<ReadonlyMap<string, NewestTurn>> => {
      const turns = new Map<string, NewestTurn>();
      await Promise.allSettled(
        queries.map(async (query) => turns.set(query.queryKey[1], await client.fetchQuery(query))),
      );
      return turns;
    },
  });
  return useStore(
    (state) =>
      candidates.filter((session) => {
        const turn = findLoadedTurn(state, session.id) ?? fetched?.get(session.id) ?? unknownTurn;
        return isUnseenFailure(session, turn, seen[session.id]);
      }).length,
  );
}

/**
 * Marks the failed newest turn of an open session as seen while the page has the focus. Answers
 * that have not been read stay unread: the read position moves only once there are none.
 */
export function useSeeFailure(session: Session): void {
  const hasFocus = usePageFocus();
  const canWrite = useCanWrite();
  const { task, user } = useNewestTurn(session);
  const seq = user?.seq ?? 0;
  const isBehind = session.unread_count === 0 && seq > session.last_read_seq;
  useEffect(() => {
    if (!hasFocus || !isFailure(task)) return;
    noteSeenFailure(task);
    if (!isBehind || !canWrite) return;
    const params = { path: { id: task.chat_session_id } };
    // If this fails, other devices show the failure until the chat is opened again.
    client.POST("/v1/chat/{id}/read", { params, body: { seq } }).catch(() => {});
  }, [hasFocus, canWrite, task, seq, isBehind]);
}

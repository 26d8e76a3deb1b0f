import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useMemo } from "react";
import { usePaused } from "@/stream/search";
import { useStore } from "@/stream/store";
import { listTurns } from "@/stream/turns";
import { isTurnFetched } from "../turn-pages";
import { compareMatches, findInTurns, type Match } from "./find-matches";
import { fold } from "./folded-text";
import { searchMessages } from "./search-messages";

const none: readonly Match[] = [];

/**
 * Returns the messages of a chat that contain the query, in order. Turns in the store are searched
 * here, and the others on the server. `isMarkdown` is whether answers are rendered as Markdown.
 */
export function useMatches(sessionId: string, query: string, isMarkdown: boolean) {
  const term = fold(query.trim());
  const thread = useStore((state) => state.threads[sessionId]);
  const phrase = usePaused(query.trim());
  const search = useQuery({
    queryKey: ["find", sessionId, phrase],
    enabled: thread?.hasMore === true && phrase !== "",
    retry: 1,
    queryFn: ({ signal }) => searchMessages(sessionId, phrase, signal),
  });
  const turns = useDeferredValue(thread ? listTurns(thread.messages) : undefined);
  const local = useMemo(
    () => findInTurns(turns ?? [], term, isMarkdown),
    [turns, term, isMarkdown],
  );
  const remote = phrase === query.trim() ? search.data : undefined;
  const matches = useMemo(() => {
    if (!thread || !remote) return local;
    const others = remote.filter(({ turn }) => !isTurnFetched(thread, turn));
    return [...others, ...local].sort(compareMatches);
    // The turns that have been fetched are the only part of the thread that matters here.
  }, [thread, remote, local]);
  return {
    term,
    matches: term.trim() === "" ? none : matches,
    isSearching: search.isFetching || phrase !== query.trim(),
    isError: search.isError,
  };
}

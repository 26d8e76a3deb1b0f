import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { MessageSquareText } from "lucide-react";
import { useMemo } from "react";
import { body, client } from "@/api/client";
import type { components, operations } from "@/api/schema.gen";
import { usePaused } from "@/stream/search";
import { texts } from "@/texts";
import type { Command } from "./commands";
import { splitSnippet } from "./snippet";

type SearchResult = components["schemas"]["SearchResult"];
type SearchResults = components["schemas"]["SearchResults"];

type Parameters = NonNullable<operations["search"]["parameters"]["query"]>;

/** A message to open. */
export interface MessagePlace {
  readonly sessionId: string;
  readonly turn: number;
  readonly role: NonNullable<SearchResult["role"]>;
  /** The text that matched. */
  readonly text: string;
}

/** Which chats are searched. */
export interface SearchFilter {
  /** The key of an agent, or an empty string for all. */
  readonly agent: string;
  readonly status: "active" | "archived" | "all";
}

/** The maximum number of messages that are shown. */
const LIMIT = 20;
/** The maximum number of pages that are fetched. Pages may be empty although there are more. */
const MAX_PAGES = 20;
/** The maximum length of a query, in characters. */
const MAX_QUERY = 200;
/** A query without any of these has no words. */
const WORD = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;
/** A single letter of any other script matches nearly everything. */
const IDEOGRAPH = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/** Searches the messages of all chats. Returns a command for each one that was found. */
export function useFoundMessages(
  query: string,
  filter: SearchFilter,
  openMessage: (place: MessagePlace) => void,
) {
  const q = [...query.trim()].slice(0, MAX_QUERY).join("");
  const paused = usePaused(q);
  const isSearched = WORD.test(q) && (q.length > 1 || IDEOGRAPH.test(q));
  const isPaused = isSearched && paused === q;
  const { data, isFetching, isError } = useQuery({
    queryKey: ["search-messages", paused, filter],
    enabled: isPaused,
    retry: false,
    // Messages may have arrived since the last search for the same text.
    staleTime: 0,
    // The list does not jump while the user types.
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => fetchMessages(paused, filter, signal),
  });
  const results = isSearched ? data : undefined;
  const commands = useMemo(
    () =>
      (results ?? []).map(({ session, message_id, turn, role, created_at, ...result }): Command => {
        const sessionId = session.id;
        return {
          id: `message-${message_id}`,
          group: texts.palette.messages,
          label: session.title || texts.sessions.untitled,
          icon: <MessageSquareText size={17} strokeWidth={1.9} />,
          message: { ...result, createdAt: created_at },
          run: () => {
            const text = splitSnippet(result).find((part) => part.isMatch)?.text ?? "";
            if (turn !== null && role !== null) openMessage({ sessionId, turn, role, text });
          },
        };
      }),
    [results, openMessage],
  );
  const isSearching = isSearched && (isFetching || !isPaused);
  return { commands, isSearched, isSearching, isError: isPaused && isError };
}

/** Returns the newest messages that match. */
async function fetchMessages(q: string, filter: SearchFilter, signal: AbortSignal) {
  const found: SearchResult[] = [];
  let next: string | null = null;
  for (let pages = 0; pages < MAX_PAGES && found.length < LIMIT; pages += 1) {
    const query: Parameters = {
      q,
      status: filter.status,
      limit: LIMIT,
      ...(filter.agent !== "" && { agent_key: filter.agent }),
      ...(next !== null && { cursor: next }),
    };
    const page: SearchResults = await body(client.GET("/v1/search", { params: { query }, signal }));
    // The palette finds chats by their titles itself.
    found.push(...page.items.filter((item) => item.message_id !== null));
    next = page.next_cursor;
    if (next === null) break;
  }
  return found.slice(0, LIMIT);
}

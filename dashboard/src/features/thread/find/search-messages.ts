/** Searches the messages of a chat on the server. */
import { body, client } from "@/api/client";
import type { Match } from "./find-matches";

/** The number of matches per page. The api has the same limit. */
const PAGE = 50;
/** The maximum number of matches that are fetched. */
export const MAX_MATCHES = 500;
/** The maximum length of a query in characters. The api has the same limit. */
const MAX_QUERY_CHARS = 200;

interface Query {
  readonly q: string;
  readonly chat_session_id: string;
  readonly match: "text";
  readonly limit: number;
  readonly cursor?: string;
}

/** Returns the newest matches for a phrase, in any order. */
export async function searchMessages(
  sessionId: string,
  phrase: string,
  signal: AbortSignal,
): Promise<readonly Match[]> {
  // The quotes make it a phrase.
  const q = `"${[...phrase.replaceAll('"', " ")].slice(0, MAX_QUERY_CHARS - 2).join("")}"`;
  const found: Match[] = [];
  let query: Query | null = { q, chat_session_id: sessionId, match: "text", limit: PAGE };
  while (query && found.length < MAX_MATCHES) {
    const page = await fetchPage(query, signal);
    for (const { turn, role } of page.items) if (turn !== null && role) found.push({ turn, role });
    query = page.next_cursor ? { ...query, cursor: page.next_cursor } : null;
  }
  return found;
}

function fetchPage(query: Query, signal: AbortSignal) {
  return body(client.GET("/v1/search", { params: { query }, signal }));
}

/** Searches the messages of a chat on the server. */
import * as v from "valibot";
import { body, client } from "@/api/client";
import type { Match } from "./find-matches";

/** The number of matches per page. The api has the same limit. */
const PAGE = 50;
/** The maximum number of matches that are fetched. */
export const MAX_MATCHES = 500;
/** The maximum length of a query in characters. The api has the same limit. */
const MAX_QUERY_CHARS = 200;

const pageSchema = v.object({
  items: v.array(v.object({ turn: v.number(), role: v.picklist(["user", "assistant"]) })),
  next_cursor: v.nullable(v.string()),
});

type Get = (path: string, init: object) => Promise<{ data?: unknown }>;

async function fetchMatches(
  { cursor, ...rest }: { q: string; chat_session_id: string; cursor: string | null },
  signal: AbortSignal,
): Promise<v.InferOutput<typeof pageSchema>> {
  const query = { ...rest, limit: PAGE, ...(cursor === null ? {} : { cursor }) };
  const get = client.GET as unknown as Get;
  return v.parse(pageSchema, await body(get("/v1/search", { params: { query }, signal })));
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
  let cursor: string | null = null;
  do {
    const page = await fetchMatches({ q, chat_session_id: sessionId, cursor }, signal);
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null && found.length < MAX_MATCHES);
  return found;
}

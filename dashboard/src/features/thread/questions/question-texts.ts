/** The questions of a chat, which are its user messages. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Message } from "@/api/models";
import { useStore } from "@/stream/store";
import { listTurns } from "@/stream/turns";
import { fetchPage, isTurnFetched, MAX_PAGE_TURNS } from "../turn-pages";

export interface Question {
  readonly turn: number;
  /** The beginning of the message, on one line. */
  readonly text: string;
  readonly createdAt: string;
}

/** The maximum length of a question's text. */
const MAX_CHARS = 300;

function toQuestion({ turn, content, created_at }: Message): Question {
  const text = content
    .slice(0, 2 * MAX_CHARS)
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, MAX_CHARS);
  return { turn, text, createdAt: created_at };
}

/** Returns the questions of turns before `before`, oldest first. */
async function fetchQuestions(
  sessionId: string,
  before: number,
  signal: AbortSignal,
): Promise<readonly Question[]> {
  const pages: Question[][] = [];
  let bound = before;
  for (let hasMore = true; hasMore; ) {
    const page = await fetchPage(sessionId, { before: bound }, { limit: MAX_PAGE_TURNS, signal });
    pages.push(page.items.filter(({ role }) => role === "user").map(toQuestion));
    bound = page.items[0]?.turn ?? 0;
    hasMore = page.has_more && bound > 0;
  }
  return pages.reverse().flat();
}

/** Returns the questions of the turns that are in the store, oldest first. */
export function useKnownQuestions(sessionId: string): readonly Question[] {
  const messages = useStore((state) => state.threads[sessionId]?.messages);
  return useMemo(
    () => listTurns(messages ?? {}).flatMap(({ user }) => (user ? [toQuestion(user)] : [])),
    [messages],
  );
}

/** Returns all questions of a chat, oldest first. Turns that are not in the store are fetched. */
export function useQuestions(sessionId: string) {
  const known = useKnownQuestions(sessionId);
  const thread = useStore((state) => state.threads[sessionId]);
  const { hasMore = false, firstTurn = 0 } = thread ?? {};
  const older = useQuery({
    queryKey: ["questions", sessionId, firstTurn],
    enabled: hasMore,
    retry: 1,
    queryFn: ({ signal }) => fetchQuestions(sessionId, firstTurn, signal),
  });
  const questions = useMemo(() => {
    const others = (older.data ?? []).filter(({ turn }) => thread && !isTurnFetched(thread, turn));
    return [...others, ...known].sort((a, b) => a.turn - b.turn);
  }, [older.data, known, thread]);
  return { questions, isLoading: older.isFetching, isError: older.isError };
}

/** The copy of the chat list and of recent threads that is shown while the server is unreachable. */
import * as v from "valibot";
import { event as eventSchema } from "@/api/events.gen";
import type { Agent, Message, Session } from "@/api/models";
import type { components } from "@/api/schema.gen";
import { listSessions } from "@/stream/session-order";
import type { FetchedThread, State } from "@/stream/state";
import { listTurns } from "@/stream/turns";

export type Me = components["schemas"]["Me"];

/** The copy of the active list, and what is needed to show it. */
export interface ListCopy {
  readonly account: string;
  readonly me: Me;
  readonly agents: readonly Agent[];
  readonly sessions: readonly Session[];
}

/** The copy of a thread's newest turns. */
export interface ThreadCopy {
  readonly account: string;
  readonly sessionId: string;
  /** When the chat was last open, in milliseconds since the Unix epoch. */
  readonly usedAt: number;
  readonly data: FetchedThread;
}

/** The number of sessions in a copy of the list, which is one page. */
const MAX_SESSIONS = 50;
/** The number of turns in a copy of a thread, which is one page. */
const MAX_TURNS = 50;
/** The maximum length of all messages in a copy, in UTF-16 code units. */
const MAX_LENGTH = 1_000_000;

/** Returns the first page of the active list. */
export function copySessions({ sessions }: Pick<State, "sessions">): readonly Session[] {
  return listSessions(sessions, "active").slice(0, MAX_SESSIONS);
}

/**
 * Returns the newest turns of a session as the server would return them, or null if the thread is
 * not loaded or may be outdated.
 */
export function copyThread(state: State, sessionId: string): FetchedThread | null {
  const thread = state.threads[sessionId];
  const session = state.sessions[sessionId]?.value;
  if (!session || !thread?.isLoaded || thread.isStale) return null;
  // Earlier turns may have been fetched with a gap.
  const turns = listTurns(thread.messages).filter(({ turn }) => turn >= thread.firstTurn);
  let length = 0;
  let start = turns.length;
  while (start > 0 && turns.length - start < MAX_TURNS) {
    const { user, answer } = turns[start - 1] ?? { user: null, answer: null };
    length += (user?.content.length ?? 0) + (answer?.content.length ?? 0);
    if (length > MAX_LENGTH && start < turns.length) break;
    start -= 1;
  }
  const messages = turns
    .slice(start)
    .flatMap(({ user, answer }): Message[] => [
      ...(user ? [{ ...user, task: thread.tasks[user.task_id]?.value ?? user.task }] : []),
      ...(answer ? [answer] : []),
    ]);
  return { session, messages, has_more: thread.hasMore || start > 0 };
}

/** Returns the sessions that this version of the page can show. */
export function validSessions(sessions: readonly unknown[]): readonly Session[] {
  return sessions.flatMap((session) => {
    const event = { type: "session.updated", at: "", chat_session_id: "", session };
    const result = v.safeParse(eventSchema, event);
    return result.success && result.output.type === "session.updated"
      ? [result.output.session]
      : [];
  });
}

/**
 * Returns whether this version of the page can show the messages. A different version may have
 * stored them.
 */
export function isValidThread({ session, messages }: FetchedThread): boolean {
  return messages.every((message) => {
    const event = { type: "message.created", at: "", chat_session_id: "", session, message };
    return v.is(eventSchema, event);
  });
}

/**
 * Actions on several sessions. Failures of single sessions do not affect the others. A toast shows
 * the result.
 */
import { client } from "@/api/client";
import type { Session } from "@/api/models";
import { explainFailure } from "@/components/report-failure";
import { notify } from "@/components/ui/toast";
import { texts } from "@/texts";
import { forgetSeenFailure } from "./failures";
import { patchSession, removeSession } from "./session-actions";

export type BulkAction = keyof typeof texts.selection.done;

/** How many requests are sent at once, because browsers limit the connections to a server. */
const CONCURRENCY = 4;

const actions: Readonly<Record<BulkAction, (session: Session) => Promise<unknown>>> = {
  read: async ({ id, last_seq }) => {
    await client.POST("/v1/chat/{id}/read", { params: { path: { id } }, body: { seq: last_seq } });
    forgetSeenFailure(id);
  },
  archive: ({ id }) => patchSession(id, { status: "archived" }),
  restore: ({ id }) => patchSession(id, { status: "active" }),
  delete: ({ id }) => removeSession(id),
};

interface Failure {
  readonly session: Session;
  readonly error: unknown;
}

export interface BulkResult {
  readonly done: readonly Session[];
  readonly failed: readonly Failure[];
}

/** Runs an action for each session, a few at a time. */
async function runEach(
  sessions: readonly Session[],
  action: (session: Session) => Promise<unknown>,
): Promise<BulkResult> {
  const done: Session[] = [];
  const failed: Failure[] = [];
  const waiting = [...sessions];
  async function work() {
    for (let session = waiting.shift(); session; session = waiting.shift())
      try {
        await action(session);
        done.push(session);
      } catch (error) {
        failed.push({ session, error });
      }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return { done, failed };
}

/** Describes the result of an action: what was done, what failed, and the first reason. */
export function describeResult(action: BulkAction, { done, failed }: BulkResult): string {
  const parts = done.length > 0 ? [texts.selection.done[action](done.length)] : [];
  const [first] = failed;
  if (!first) return parts.join("");
  const titles = failed.map(({ session }) => session.title || texts.sessions.untitled);
  const reason = explainFailure(first.error);
  parts.push(texts.selection.failed[action](texts.selection.failedChats(titles), reason));
  return parts.join(texts.common.period);
}

/**
 * Runs an action for each session and shows the result. Archiving can be undone; `onRestored` is
 * called with the sessions that were archived by mistake.
 */
export async function runBulkAction(
  action: BulkAction,
  sessions: readonly Session[],
  onRestored?: (sessions: readonly Session[]) => void,
): Promise<BulkResult> {
  const result = await runEach(sessions, actions[action]);
  const { done } = result;
  const undo = {
    label: texts.common.undo,
    run: async () => {
      const restored = await runEach(done, actions.restore);
      if (restored.failed.length > 0) notify(describeResult("restore", restored));
      onRestored?.(restored.done);
    },
  };
  const text = describeResult(action, result);
  if (action === "archive" && done.length > 0) notify(text, undo);
  else notify(text);
  return result;
}

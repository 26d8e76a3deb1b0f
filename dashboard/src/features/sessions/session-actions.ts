/**
 * Actions on a session. The response or an event updates the store; a failure is shown in a toast.
 */
import { body, client } from "@/api/client";
import type { Session } from "@/api/models";
import { reportFailure } from "@/components/report-failure";
import { notify } from "@/components/ui/toast";
import { writeDraft } from "@/drafts";
import { outbox } from "@/outbox/use-outbox";
import { store } from "@/stream/store";
import { texts } from "@/texts";

type Change = { title?: string; status?: Session["status"]; pinned?: boolean };

/** Runs an action and returns whether it succeeded. Shows the reason for a failure. */
async function attempt(action: () => Promise<void>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    reportFailure(error);
    return false;
  }
}

export function changeSession(id: string, change: Change): Promise<boolean> {
  return attempt(async () => {
    const path = { id };
    const session = await body(client.PATCH("/v1/chat/{id}", { params: { path }, body: change }));
    store.dispatch({ type: "session.accepted", session });
  });
}

export async function archiveSession(id: string): Promise<boolean> {
  const isDone = await changeSession(id, { status: "archived" });
  if (isDone)
    notify(texts.actions.archived, {
      label: texts.common.undo,
      run: () => void changeSession(id, { status: "active" }),
    });
  return isDone;
}

export function deleteSession(id: string): Promise<boolean> {
  return attempt(async () => {
    await client.DELETE("/v1/chat/{id}", {
      params: { path: { id }, query: { permanent: true } },
    });
    store.dispatch({ type: "session.gone", sessionId: id });
    outbox.discardSession(id);
    writeDraft(id, "");
    notify(texts.actions.deleted);
  });
}

export function markUnread(id: string): Promise<boolean> {
  return attempt(async () => {
    await client.POST("/v1/chat/{id}/unread", { params: { path: { id } } });
  });
}

/**
 * Actions on a session. The response or an event updates the store; a failure is shown in a toast.
 */
import { body, client } from "@/api/client";
import type { Session } from "@/api/models";
import { copyText } from "@/clipboard";
import { reportCopy, reportFailure } from "@/components/report-failure";
import { notify } from "@/components/ui/toast";
import { writeDraft } from "@/drafts";
import { outbox } from "@/outbox/use-outbox";
import { store } from "@/stream/store";
import { texts } from "@/texts";

type Change = {
  title?: string;
  status?: Session["status"];
  pinned?: boolean;
  agent_key?: string;
};

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

/** Changes a session. Throws if the request fails. */
export async function patchSession(id: string, change: Change): Promise<void> {
  const path = { id };
  const session = await body(client.PATCH("/v1/chat/{id}", { params: { path }, body: change }));
  store.dispatch({ type: "session.accepted", session });
}

export function changeSession(id: string, change: Change): Promise<boolean> {
  return attempt(() => patchSession(id, change));
}

/**
 * Archives a session and offers to undo it. `onRestored` is called after it was undone.
 */
export async function archiveSession(id: string, onRestored?: () => void): Promise<boolean> {
  const isDone = await changeSession(id, { status: "archived" });
  if (isDone) notify(texts.actions.archived, { label: texts.common.undo, run: restore });
  return isDone;

  async function restore() {
    if (await changeSession(id, { status: "active" })) onRestored?.();
  }
}

/** Deletes a session permanently, with its unsent texts. Throws if the request fails. */
export async function removeSession(id: string): Promise<void> {
  await client.DELETE("/v1/chat/{id}", {
    params: { path: { id }, query: { permanent: true } },
  });
  store.dispatch({ type: "session.gone", sessionId: id });
  outbox.discardSession(id);
  writeDraft(id, "");
}

export function deleteSession(id: string): Promise<boolean> {
  return attempt(async () => {
    await removeSession(id);
    notify(texts.actions.deleted);
  });
}

export function markUnread(id: string): Promise<boolean> {
  return attempt(async () => {
    await client.POST("/v1/chat/{id}/unread", { params: { path: { id } } });
  });
}

/** Copies the address of a session's view. */
export async function copyLink(id: string): Promise<void> {
  const address = new URL(`/chat/${id}`, window.location.href).href;
  if (await reportCopy(copyText(address))) notify(texts.actions.linkCopied);
}

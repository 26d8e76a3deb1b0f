/** Tracks which message is being edited. */

import { createObservable, useObservable } from "@/observable";
import { store } from "@/stream/store";
import { listTurns } from "@/stream/turns";
import { goTo } from "../scroll/navigation";

/** A message that is still queued, or one that is replaced with another version. */
type Editing = "queued" | "revision";

const edited = createObservable<{ id: string; editing: Editing } | null>(null);

export function useEditing(messageId: string): Editing | null {
  return useObservable(edited, (now) => (now?.id === messageId ? now.editing : null));
}

/** Opens the editor of a message. */
export function startEditing(id: string, editing: Editing): void {
  edited.set({ id, editing });
}

/** Closes the editor of a message. */
export function stopEditing(messageId: string): void {
  if (edited.get()?.id === messageId) edited.set(null);
}

/**
 * Edits the newest message of a chat that the agent has not started on. Returns false if there is
 * none.
 */
export function editNewestMessage(sessionId: string): boolean {
  const thread = store.getState().threads[sessionId];
  if (!thread) return false;
  const newest = listTurns(thread.messages).findLast(({ user }) => {
    const task = thread.tasks[user?.task_id ?? ""]?.value;
    return task?.status === "queued" && task.attempt === 0;
  });
  if (!newest?.user) return false;
  goTo({ kind: "end" });
  startEditing(newest.user.id, "queued");
  return true;
}

/** Tracks which queued message is being edited. */

import { createObservable, useObservable } from "@/observable";
import { store } from "@/stream/store";
import { listTurns } from "@/stream/turns";
import { goTo } from "../scroll/navigation";

const edited = createObservable<string | null>(null);

export function useIsEditing(messageId: string): boolean {
  return useObservable(edited, (id) => id === messageId);
}

/** Opens the editor of a message. */
export function startEditing(messageId: string): void {
  edited.set(messageId);
}

/** Closes the editor of a message. */
export function stopEditing(messageId: string): void {
  if (edited.get() === messageId) edited.set(null);
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
  startEditing(newest.user.id);
  return true;
}

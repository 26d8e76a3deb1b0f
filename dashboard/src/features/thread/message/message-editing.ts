/** Tracks which message is being edited. */

import { createObservable, useObservable } from "@/observable";
import { store } from "@/stream/store";
import { listTurns } from "@/stream/turns";
import { goTo } from "../scroll/navigation";

/** A message that is still queued, or one that is replaced with another version. */
type Editing = "queued" | "revision";

interface Edit {
  /** The ID of the message. */
  readonly id: string;
  readonly editing: Editing;
  /** The text so far; absent until the user changes it. */
  readonly text?: string;
  /** The IDs of the files that the user has removed. */
  readonly removed?: readonly string[];
}

/** Where an edit is kept across reloads of the tab. */
const KEY = "banter.edit";

const edited = createObservable(readEdit());
edited.subscribe(() => {
  try {
    const edit = edited.get();
    if (edit) sessionStorage.setItem(KEY, JSON.stringify(edit));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is disabled or full, so the edit is lost on reload.
  }
});

function readEdit(): Edit | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}

export function useEditing(messageId: string): Editing | null {
  return useObservable(edited, (now) => (now?.id === messageId ? now.editing : null));
}

/** Opens the editor of a message. */
export function startEditing(id: string, editing: Editing): void {
  edited.set({ id, editing });
}

/** Returns the edit of a message, if it has begun. */
export function editOf(messageId: string): Edit | null {
  const edit = edited.get();
  return edit?.id === messageId ? edit : null;
}

/** Keeps what the user has changed so far. */
export function keepEdit(messageId: string, change: Pick<Edit, "text" | "removed">): void {
  const edit = editOf(messageId);
  if (edit) edited.set({ ...edit, ...change });
}

/** Closes the editor of a message. */
export function stopEditing(messageId: string): void {
  if (editOf(messageId)) edited.set(null);
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

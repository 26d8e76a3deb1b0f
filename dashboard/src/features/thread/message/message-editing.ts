/** Tracks which message is being edited. */

import { createObservable, useObservable } from "@/observable";
import { store } from "@/stream/store";
import { listTurns } from "@/stream/turns";
import { goTo } from "../scroll/navigation";

/** A message that is still queued, or one that is replaced with another version. */
type Editing = "queued" | "revision";

interface Edit {
  readonly editing: Editing;
  /** The text so far; absent until the user changes it. */
  readonly text?: string;
  /** The IDs of the files that the user has removed. */
  readonly removed?: readonly string[];
}

/** Where edits are kept across reloads of the tab. */
const KEY = "banter.edits";

/** The messages that are being edited, by ID. */
const edits = createObservable(readEdits());
edits.subscribe(() => {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(edits.get()));
  } catch {
    // Storage is disabled or full, so the edits are lost on reload.
  }
});
/** The message whose editor the user has just opened. */
let opened: string | null = null;

function readEdits(): Readonly<Record<string, Edit>> {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "{}") ?? {};
  } catch {
    return {};
  }
}

export function useEditing(messageId: string): Editing | null {
  return useObservable(edits, (now) => now[messageId]?.editing ?? null);
}

/** Opens the editor of a message. */
export function startEditing(id: string, editing: Editing): void {
  opened = id;
  edits.set({ ...edits.get(), [id]: { editing } });
}

/** Returns whether the user has just opened the editor of a message, which is focused then. */
export function isJustOpened(messageId: string): boolean {
  return opened === messageId;
}

/** Records that the editor of a message has been shown. */
export function endOpening(messageId: string): void {
  if (opened === messageId) opened = null;
}

/** Returns the edit of a message, if it has begun. */
export function editOf(messageId: string): Edit | undefined {
  return edits.get()[messageId];
}

/** Keeps what the user has changed so far. */
export function keepEdit(messageId: string, change: Omit<Edit, "editing">): void {
  const edit = editOf(messageId);
  if (edit) edits.set({ ...edits.get(), [messageId]: { ...edit, ...change } });
}

/** Closes the editor of a message. */
export function stopEditing(messageId: string): void {
  const { [messageId]: _ended, ...others } = edits.get();
  edits.set(others);
}

/** Closes all editors. */
export function stopAllEdits(): void {
  edits.set({});
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

/**
 * Tracks which messages are being edited. Edits are stored on the device like drafts, separately for
 * each account.
 */
import { currentAccount } from "@/account";
import type { Attachment } from "@/api/models";
import { discardFiles, restoreFiles, takeFiles } from "@/attachments/pending-files";
import { createEmitter, useObservable } from "@/observable";
import { store } from "@/stream/store";
import { listTurns } from "@/stream/turns";
import { goTo } from "../scroll/navigation";

/** A message that is still queued, or one that is replaced with another version. */
type Editing = "queued" | "revision";

export interface Edit {
  readonly sessionId: string;
  readonly editing: Editing;
  /** The text so far; absent until the user changes it. */
  readonly text?: string;
  /** The IDs of the files that the user has removed. */
  readonly removed?: readonly string[];
}

/** The edits of an account, by message ID. */
type Edits = Readonly<Record<string, Edit>>;

const PREFIX = "banter.edits.";
const NONE: Edits = {};

/** The edits known to this tab, by account. */
const known = new Map<string, Edits>();
const changes = createEmitter();
/** The message whose editor the user has just opened. */
let opened: string | null = null;

function load(account: string): Edits {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + account) ?? "{}") ?? NONE;
  } catch {
    // Storage is disabled or damaged.
    return NONE;
  }
}

/** Returns the same object until an edit changes. */
function readEdits(): Edits {
  const account = currentAccount();
  if (account === null) return NONE;
  const edits = known.get(account) ?? load(account);
  known.set(account, edits);
  return edits;
}

/** Changes the edit of a message, or removes it. The edits of other tabs are kept. */
function write(messageId: string, edit: Edit | null): void {
  const account = currentAccount();
  if (account === null) return;
  const change = ({ [messageId]: _before, ...others }: Edits): Edits =>
    edit ? { ...others, [messageId]: edit } : others;
  known.set(account, change(readEdits()));
  try {
    const stored = change(load(account));
    if (Object.keys(stored).length === 0) localStorage.removeItem(PREFIX + account);
    else localStorage.setItem(PREFIX + account, JSON.stringify(stored));
  } catch {
    // Storage is disabled or full, so the edit is lost on reload.
  }
  changes.emit();
}

export function useEditing(messageId: string): Editing | null {
  return useObservable(
    { get: readEdits, subscribe: changes.subscribe },
    (now) => now[messageId]?.editing ?? null,
  );
}

/** Opens the editor of a message. */
export function startEditing(
  message: { readonly id: string; readonly chat_session_id: string },
  editing: Editing,
): void {
  opened = message.id;
  write(message.id, { sessionId: message.chat_session_id, editing });
}

/** Returns the key of the draft with the files that are added to an edited message. */
export const addedFilesOf = (messageId: string) => `edit/${messageId}`;

/**
 * Removes the files that were added to a message. Returns the uploaded ones, which stay on the server
 * for a while, so that they can be restored.
 */
export function discardAddedFiles(messageId: string): readonly Attachment[] {
  const key = addedFilesOf(messageId);
  const { attachments, waitingFiles, forget } = takeFiles(key);
  restoreFiles(key, { waitingFiles });
  discardFiles(key);
  forget();
  return attachments;
}

/** Opens the editor of a message again, as it was. */
export function restoreEdit(
  messageId: string,
  edit: Edit,
  attachments: readonly Attachment[],
): void {
  restoreFiles(addedFilesOf(messageId), { attachments });
  opened = messageId;
  write(messageId, edit);
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
  return readEdits()[messageId];
}

/** Keeps what the user has changed so far. */
export function keepEdit(messageId: string, change: Pick<Edit, "text" | "removed">): void {
  const edit = editOf(messageId);
  if (edit) write(messageId, { ...edit, ...change });
}

/** Closes the editor of a message. */
export function stopEditing(messageId: string): void {
  write(messageId, null);
}

/** Returns the number of messages of the current account that are being edited. */
export function countEdits(): number {
  return Object.keys(readEdits()).length;
}

/** Closes the editors of the current account for which `isEnded` is true, which is all by default. */
export function stopEdits(isEnded: (edit: Edit) => boolean = () => true): void {
  for (const [id, edit] of Object.entries(readEdits())) {
    if (!isEnded(edit)) continue;
    discardFiles(addedFilesOf(id));
    write(id, null);
  }
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
  startEditing(newest.user, "queued");
  return true;
}

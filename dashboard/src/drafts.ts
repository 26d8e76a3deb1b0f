/**
 * Drafts: one for each session, keyed by the session ID, and one for the new chat view, keyed
 * `new`. They are stored on the device separately for each account.
 *
 * The tabs of a browser share drafts: typing in one tab updates the others. The devices of a user
 * share them through the server (see `draft-sync`). If there are conflicting texts, one becomes the
 * draft. The others are kept as conflicting drafts, which the user can restore or dismiss.
 */
import { currentAccount } from "./account";
import {
  addText,
  forgetConflicting,
  keepConflicting as keepText,
  listConflicting,
  readConflicting,
  writeConflicting,
} from "./conflicting-drafts";
import { clearSyncRecords } from "./draft-sync/record";
import { isLost, isOverwritten } from "./draft-text";
import { createEmitter, useObservable } from "./observable";

const PREFIX = "banter.draft.";
/** The texts shown in this tab, by storage key. */
const drafts = new Map<string, string>();
/** The texts most recently seen in storage, by storage key. */
const seen = new Map<string, string>();
/**
 * The storage keys of texts that came from another tab or device and have not been edited in this
 * tab since.
 */
const adopted = new Set<string>();
const changes = createEmitter();
const edits = createEmitter<string>();

/** Calls `listener` with the key of each draft that the user changes in this tab. */
export const onDraftEdited = edits.subscribe;

/**
 * The storage key of the draft with an IME composition in progress, or null. The draft's text must
 * not be replaced.
 */
let composing: string | null = null;

/** Returns the storage key of a draft, or null while no account is signed in. */
function storageKeyOf(key: string): string | null {
  const account = currentAccount();
  return account === null ? null : `${PREFIX}${account}/${key}`;
}

/** Returns the ID under which conflicting drafts are stored. */
const idOf = (storageKey: string) => storageKey.slice(PREFIX.length);

/** Returns the stored text, which may be empty, or null if storage is disabled. */
function load(storageKey: string): string | null {
  try {
    return localStorage.getItem(storageKey) ?? "";
  } catch {
    return null;
  }
}

function save(storageKey: string, text: string): void {
  seen.set(storageKey, text);
  try {
    if (text === "") localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, text);
  } catch {
    // Storage is disabled or full, so the draft is lost on reload.
  }
}

/** Keeps text as a conflicting draft. */
function keepConflicting(storageKey: string, text: string): void {
  keepText(idOf(storageKey), text);
}

export function readDraft(key: string): string {
  const storageKey = storageKeyOf(key);
  return storageKey === null ? "" : read(storageKey);
}

function read(storageKey: string): string {
  const known = drafts.get(storageKey);
  if (known !== undefined) return known;
  const stored = load(storageKey) ?? "";
  drafts.set(storageKey, stored);
  seen.set(storageKey, stored);
  return stored;
}

export function writeDraft(key: string, text: string): void {
  const storageKey = storageKeyOf(key);
  if (storageKey === null) return;
  const known = read(storageKey);
  if (known === text) return;
  const stored = load(storageKey);
  // Another tab has written text that has not reached this tab yet.
  if (stored !== null && stored !== seen.get(storageKey) && isLost(stored, text))
    keepConflicting(storageKey, stored);
  // The user may have overwritten most of the text without noticing that it came from elsewhere.
  else if (adopted.has(storageKey) && isOverwritten(known, text))
    keepConflicting(storageKey, known);
  adopted.delete(storageKey);
  drafts.set(storageKey, text);
  save(storageKey, text);
  changes.emit();
  edits.emit(key);
}

/** Removes a draft without keeping it as a conflicting draft. */
export function discardDraft(key: string): void {
  const storageKey = storageKeyOf(key);
  if (storageKey !== null) adopted.delete(storageKey);
  writeDraft(key, "");
}

/**
 * Replaces a draft with text that the user did not type. The old draft becomes the conflicting
 * draft unless it is blank or the new text contains it.
 */
export function replaceDraft(key: string, text: string): void {
  const storageKey = storageKeyOf(key);
  if (storageKey === null) return;
  const known = read(storageKey);
  if (isLost(known, text)) keepConflicting(storageKey, known);
  writeDraft(key, text);
}

/**
 * Clears the draft but keeps the stored copy. After the text is stored elsewhere, the caller must
 * call the returned function. It removes the stored copy unless the draft has changed.
 */
export function takeDraft(key: string): () => void {
  const storageKey = storageKeyOf(key);
  if (storageKey === null) return () => {};
  const taken = read(storageKey);
  drafts.set(storageKey, "");
  adopted.delete(storageKey);
  changes.emit();
  return () => {
    if (drafts.get(storageKey) === "" && load(storageKey) === taken) save(storageKey, "");
    edits.emit(key);
  };
}

/** Swaps the draft with the newest conflicting draft. */
export function swapDrafts(key: string): void {
  const storageKey = storageKeyOf(key);
  if (storageKey === null) return;
  const text = read(storageKey);
  const [other = text, ...others] = readConflicting(idOf(storageKey));
  writeConflicting(idOf(storageKey), addText(others, text));
  adopted.delete(storageKey);
  drafts.set(storageKey, other);
  save(storageKey, other);
  changes.emit();
  edits.emit(key);
}

/** Removes the newest conflicting draft. */
export function dismissConflictingDraft(key: string): void {
  const storageKey = storageKeyOf(key);
  if (storageKey === null) return;
  const id = idOf(storageKey);
  writeConflicting(id, readConflicting(id).slice(1));
  changes.emit();
}

/**
 * Replaces a draft with text from another device. `conflicting` is a text to keep, or null. Returns
 * whether the user has changed the draft in another tab in the meantime, in which case nothing is
 * replaced.
 */
export function adoptDraft(key: string, text: string, conflicting: string | null): boolean {
  const storageKey = storageKeyOf(key);
  if (storageKey === null) return false;
  const stored = load(storageKey);
  if (stored !== null && stored !== seen.get(storageKey)) return false;
  if (conflicting !== null) keepConflicting(storageKey, conflicting);
  if (read(storageKey) !== text) {
    drafts.set(storageKey, text);
    save(storageKey, text);
    if (text === "") adopted.delete(storageKey);
    else adopted.add(storageKey);
  }
  changes.emit();
  return true;
}

/** Handles a storage change made by another tab. `before` is the text that was replaced. */
function receive(storageKey: string, before: string, text: string): void {
  const known = drafts.get(storageKey);
  seen.set(storageKey, text);
  if (known === undefined || known === text) return;
  if (storageKey === composing) {
    // Keep the text in the field. The next key press overwrites the other tab's text.
    if (isLost(text, known)) keepConflicting(storageKey, text);
    changes.emit();
    return;
  }
  const isConflict = known !== before && isLost(known, text);
  // The other tab has sent or deleted its text. Keep this tab's draft, which is different.
  if (isConflict && text === "") {
    save(storageKey, known);
    return;
  }
  if (isConflict) keepConflicting(storageKey, known);
  drafts.set(storageKey, text);
  if (text !== "") adopted.add(storageKey);
  changes.emit();
}

window.addEventListener("storage", ({ key, oldValue, newValue }) => {
  if (key?.startsWith(PREFIX)) receive(key, oldValue ?? "", newValue ?? "");
  else if (forgetConflicting(key)) changes.emit();
});

/** A page restored from the back/forward cache has missed all storage events. */
window.addEventListener("pageshow", () => {
  for (const [storageKey, text] of [...seen]) {
    const stored = load(storageKey);
    if (stored !== null && stored !== text) receive(storageKey, text, stored);
  }
  if (forgetConflicting(null)) changes.emit();
});

/**
 * Sets whether an IME composition is in progress. Until it ends, other tabs cannot replace the
 * draft.
 */
export function setComposing(key: string, isComposing: boolean): void {
  composing = isComposing ? storageKeyOf(key) : null;
}

/** Returns whether an IME composition is in progress in a draft. */
export function isComposing(key: string): boolean {
  return composing !== null && composing === storageKeyOf(key);
}

/** Returns the keys of the current account's drafts, except blank ones. */
export function listDrafts(): readonly string[] {
  const prefix = storageKeyOf("");
  if (prefix === null) return [];
  const storageKeys = new Set([...drafts.keys(), ...listStorageKeys()]);
  return [...storageKeys]
    .filter((storageKey) => storageKey.startsWith(prefix) && read(storageKey).trim() !== "")
    .map((storageKey) => storageKey.slice(prefix.length));
}

function listStorageKeys(): readonly string[] {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

/** Removes the current account's drafts and conflicting drafts from the device, not the server. */
export function clearDrafts(): void {
  const prefix = storageKeyOf("");
  if (prefix === null) return;
  adopted.clear();
  for (const key of listDrafts()) {
    drafts.set(prefix + key, "");
    save(prefix + key, "");
  }
  for (const id of listConflicting(idOf(prefix))) writeConflicting(id, []);
  clearSyncRecords(idOf(prefix));
  changes.emit();
}

export function useDraft(key: string): string {
  return useObservable({ get: () => readDraft(key), subscribe: changes.subscribe });
}

/** Returns the newest conflicting draft, or an empty string. */
export function useConflictingDraft(key: string): string {
  const get = () => {
    const storageKey = storageKeyOf(key);
    return (storageKey !== null && readConflicting(idOf(storageKey))[0]) || "";
  };
  return useObservable({ get, subscribe: changes.subscribe });
}

/**
 * Drafts: one for each session, keyed by the session ID, and one for the new chat view, keyed
 * `new`. They are stored on the device separately for each account.
 *
 * The tabs of a browser share drafts: typing in one tab updates the others. If two tabs have
 * conflicting texts, one becomes the draft. The other is kept as the conflicting draft, which the
 * user can restore or dismiss.
 */
import { currentAccount } from "./account";
import { createEmitter, useObservable } from "./observable";

const PREFIX = "banter.draft.";
/** The prefix of the storage keys of conflicting drafts. */
const CONFLICT_PREFIX = "banter.draft-other.";
/** The texts shown in this tab, by storage key. */
const drafts = new Map<string, string>();
/** The texts most recently seen in storage, by storage key. */
const seen = new Map<string, string>();
/**
 * The storage keys of texts that came from another tab and have not been edited in this tab since.
 */
const adopted = new Set<string>();
const changes = createEmitter();
/**
 * The storage key of the draft with an IME composition in progress, or null. The draft's text must
 * not be replaced.
 */
let composing: string | null = null;

/** Returns the storage key of a draft, or null while no account is signed in. */
function storageKeyOf(key: string, prefix = PREFIX): string | null {
  const account = currentAccount();
  return account === null ? null : `${prefix}${account}/${key}`;
}

const conflictKeyOf = (storageKey: string) => CONFLICT_PREFIX + storageKey.slice(PREFIX.length);

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

function countCommon(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < most - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  return start + end;
}

/** Returns whether replacing `text` with `by` would lose any text. */
function isLost(text: string, by: string): boolean {
  return text.trim() !== "" && !by.includes(text.trim());
}

/** Stores text as the conflicting draft. */
function keepConflicting(storageKey: string, text: string): void {
  const other = conflictKeyOf(storageKey);
  drafts.set(other, text);
  save(other, text);
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
  // The user may have overwritten most of the text without noticing that it came from another tab.
  else if (
    adopted.has(storageKey) &&
    countCommon(known, text) < known.length / 2 &&
    isLost(known, text)
  )
    keepConflicting(storageKey, known);
  adopted.delete(storageKey);
  drafts.set(storageKey, text);
  save(storageKey, text);
  changes.emit();
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
  };
}

/** Returns the conflicting draft, or an empty string. */
function readConflicting(key: string): string {
  const storageKey = storageKeyOf(key, CONFLICT_PREFIX);
  return storageKey === null ? "" : read(storageKey);
}

/** Swaps the draft with the conflicting draft. */
export function swapDrafts(key: string): void {
  const storageKey = storageKeyOf(key);
  if (storageKey === null) return;
  const [text, other] = [read(storageKey), readConflicting(key)];
  keepConflicting(storageKey, text);
  adopted.delete(storageKey);
  drafts.set(storageKey, other);
  save(storageKey, other);
  changes.emit();
}

export function dismissConflictingDraft(key: string): void {
  const storageKey = storageKeyOf(key);
  if (storageKey === null) return;
  keepConflicting(storageKey, "");
  changes.emit();
}

/** Handles a storage change made by another tab. `before` is the text that was replaced. */
function receive(storageKey: string, before: string, text: string): void {
  const known = drafts.get(storageKey);
  seen.set(storageKey, text);
  if (known === undefined || known === text) return;
  const isDraft = storageKey.startsWith(PREFIX);
  if (isDraft && storageKey === composing) {
    // Keep the text in the field. The next key press overwrites the other tab's text.
    if (isLost(text, known)) keepConflicting(storageKey, text);
    changes.emit();
    return;
  }
  const isConflict = isDraft && known !== before && isLost(known, text);
  // The other tab has sent or deleted its text. Keep this tab's draft, which is different.
  if (isConflict && text === "") {
    save(storageKey, known);
    return;
  }
  if (isConflict) keepConflicting(storageKey, known);
  drafts.set(storageKey, text);
  if (isDraft && text !== "") adopted.add(storageKey);
  changes.emit();
}

window.addEventListener("storage", ({ key, oldValue, newValue }) => {
  if (key?.startsWith(PREFIX) || key?.startsWith(CONFLICT_PREFIX))
    receive(key, oldValue ?? "", newValue ?? "");
});

/** A page restored from the back/forward cache has missed all storage events. */
window.addEventListener("pageshow", () => {
  for (const [storageKey, text] of [...seen]) {
    const stored = load(storageKey);
    if (stored !== null && stored !== text) receive(storageKey, text, stored);
  }
});

/**
 * Sets whether an IME composition is in progress. Until it ends, other tabs cannot replace the
 * draft.
 */
export function setComposing(key: string, isComposing: boolean): void {
  composing = isComposing ? storageKeyOf(key) : null;
}

/** Returns the keys of the current account's drafts, except blank ones. */
export function listDrafts(): readonly string[] {
  return listKeys(PREFIX);
}

function listKeys(kind: string): readonly string[] {
  const prefix = storageKeyOf("", kind);
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

/** Removes the current account's drafts and conflicting drafts from the device. */
export function clearDrafts(): void {
  adopted.clear();
  for (const key of listDrafts()) discardDraft(key);
  for (const key of listKeys(CONFLICT_PREFIX)) dismissConflictingDraft(key);
}

export function useDraft(key: string): string {
  return useObservable({ get: () => readDraft(key), subscribe: changes.subscribe });
}

/** Returns the conflicting draft, or an empty string. */
export function useConflictingDraft(key: string): string {
  return useObservable({ get: () => readConflicting(key), subscribe: changes.subscribe });
}

/**
 * Drafts, one per session (or "new"), stored on the device for the account that wrote them. There are
 * none while no account is signed in.
 *
 * The tabs of a browser share their drafts: typing in one tab updates the others. When two tabs have
 * different texts, the later one wins, and the other is kept as a conflicting draft until the user
 * restores or dismisses it.
 */
import { useSyncExternalStore } from "react";
import { createEmitter } from "./observable";
import { readOwner } from "./owner";

const PREFIX = "banter.draft.";
/** Conflicting drafts. */
const OTHER_PREFIX = "banter.draft-other.";
/** The texts shown in this tab, by storage key. */
const drafts = new Map<string, string>();
/** The texts last seen in storage, by storage key. */
const seen = new Map<string, string>();
/** The storage keys of texts that another tab wrote and that have not been edited here. */
const adopted = new Set<string>();
const changes = createEmitter();
/** The storage key of the draft with an IME composition in progress, whose text must not be replaced. */
let composing: string | null = null;

/** Returns the storage key of a draft, or null while no account is signed in. */
function nameOf(key: string, prefix = PREFIX): string | null {
  const owner = readOwner();
  return owner === null ? null : `${prefix}${owner}/${key}`;
}

const otherOf = (name: string) => OTHER_PREFIX + name.slice(PREFIX.length);

/** Returns the stored text, or null if storage is disabled. Drafts are then lost on reload. */
function load(name: string): string | null {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return null;
  }
}

function save(name: string, text: string): void {
  seen.set(name, text);
  try {
    if (text === "") localStorage.removeItem(name);
    else localStorage.setItem(name, text);
  } catch {
    // Storage is disabled or full.
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

/** Returns whether replacing `text` by `by` would lose it. */
function isLost(text: string, by: string): boolean {
  return text.trim() !== "" && !by.includes(text.trim());
}

/** Keeps a replaced text as the conflicting draft. */
function keepOther(name: string, text: string): void {
  const other = otherOf(name);
  drafts.set(other, text);
  save(other, text);
}

export function readDraft(key: string): string {
  const name = nameOf(key);
  return name === null ? "" : read(name);
}

function read(name: string): string {
  const known = drafts.get(name);
  if (known !== undefined) return known;
  const stored = load(name) ?? "";
  drafts.set(name, stored);
  seen.set(name, stored);
  return stored;
}

export function writeDraft(key: string, text: string): void {
  const name = nameOf(key);
  if (name === null) return;
  const known = read(name);
  if (known === text) return;
  const stored = load(name);
  // Another tab has written a text that has not arrived here yet.
  if (stored !== null && stored !== seen.get(name) && isLost(stored, text)) keepOther(name, stored);
  // The user may not have noticed a text from another tab before overwriting all of it.
  else if (adopted.has(name) && countCommon(known, text) < known.length / 2 && isLost(known, text))
    keepOther(name, known);
  adopted.delete(name);
  drafts.set(name, text);
  save(name, text);
  changes.emit();
}

/** Removes a draft without keeping it as a conflicting draft. */
export function discardDraft(key: string): void {
  const name = nameOf(key);
  if (name !== null) adopted.delete(name);
  writeDraft(key, "");
}

/** Replaces a draft by a text that was not typed, and keeps the draft as the conflicting one. */
export function replaceDraft(key: string, text: string): void {
  const name = nameOf(key);
  if (name === null) return;
  const known = read(name);
  if (isLost(known, text)) keepOther(name, known);
  writeDraft(key, text);
}

/**
 * Clears the draft but keeps the stored copy until the returned function is called, i.e. until the
 * text is stored elsewhere. A text written in the meantime is not affected.
 */
export function takeDraft(key: string): () => void {
  const name = nameOf(key);
  if (name === null) return () => {};
  const taken = read(name);
  drafts.set(name, "");
  adopted.delete(name);
  changes.emit();
  return () => {
    if (drafts.get(name) === "" && load(name) === taken) save(name, "");
  };
}

/** Returns the conflicting draft, or an empty string. */
function readOther(key: string): string {
  const name = nameOf(key, OTHER_PREFIX);
  return name === null ? "" : read(name);
}

/** Swaps the draft with the conflicting draft. */
export function swapDrafts(key: string): void {
  const name = nameOf(key);
  if (name === null) return;
  const [text, other] = [read(name), readOther(key)];
  keepOther(name, text);
  adopted.delete(name);
  drafts.set(name, other);
  save(name, other);
  changes.emit();
}

export function dismissOther(key: string): void {
  const name = nameOf(key);
  if (name === null) return;
  keepOther(name, "");
  changes.emit();
}

/** Handles a change of the storage by another tab. `before` is the text that it replaced. */
function receive(name: string, before: string, text: string): void {
  const known = drafts.get(name);
  seen.set(name, text);
  if (known === undefined || known === text) return;
  const isDraft = name.startsWith(PREFIX);
  if (isDraft && name === composing) {
    // The text in the field is kept and overwrites this one at the next key.
    if (isLost(text, known)) keepOther(name, text);
    changes.emit();
    return;
  }
  const isConflict = isDraft && known !== before && isLost(known, text);
  // The other tab has sent its text; this tab has a different draft.
  if (isConflict && text === "") {
    save(name, known);
    return;
  }
  if (isConflict) keepOther(name, known);
  drafts.set(name, text);
  if (isDraft && text !== "") adopted.add(name);
  changes.emit();
}

window.addEventListener("storage", ({ key, oldValue, newValue }) => {
  if (key?.startsWith(PREFIX) || key?.startsWith(OTHER_PREFIX))
    receive(key, oldValue ?? "", newValue ?? "");
});

/** A page restored from the back/forward cache has missed all storage events. */
window.addEventListener("pageshow", () => {
  for (const [name, text] of [...seen]) {
    const stored = load(name);
    if (stored !== null && stored !== text) receive(name, text, stored);
  }
});

/** Protects a draft from changes by other tabs during an IME composition. */
export function setComposing(key: string, isComposing: boolean): void {
  composing = isComposing ? nameOf(key) : null;
}

/** Returns the keys of the account's drafts on this device. */
export function listDrafts(): readonly string[] {
  return listKeys(PREFIX);
}

function listKeys(kind: string): readonly string[] {
  const prefix = nameOf("", kind);
  if (prefix === null) return [];
  const names = new Set([...drafts.keys(), ...storedNames()]);
  return [...names]
    .filter((name) => name.startsWith(prefix) && read(name).trim() !== "")
    .map((name) => name.slice(prefix.length));
}

function storedNames(): readonly string[] {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

/** Removes the account's drafts from the device. */
export function clearDrafts(): void {
  adopted.clear();
  for (const key of listDrafts()) discardDraft(key);
  for (const key of listKeys(OTHER_PREFIX)) dismissOther(key);
}

export function useDraft(key: string): string {
  return useSyncExternalStore(changes.subscribe, () => readDraft(key));
}

/** Returns the conflicting draft, or an empty string. */
export function useOtherDraft(key: string): string {
  return useSyncExternalStore(changes.subscribe, () => readOther(key));
}

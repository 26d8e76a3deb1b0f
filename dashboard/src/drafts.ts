/**
 * Unsent texts, one per session (or "new"), kept on the device for the user who wrote them.
 * While nobody is known to be signed in there are none.
 *
 * The tabs of a browser share their drafts: what is typed in one shows in the others. When two
 * tabs have different texts, the later one wins, and the other is kept beside it until the user
 * takes it back or dismisses it.
 */
import { useSyncExternalStore } from "react";
import { createEmitter } from "./observable";
import { readOwner } from "./owner";

const PREFIX = "banter.draft.";
/** Texts that another tab's text has replaced. */
const OTHER_PREFIX = "banter.draft-other.";
/** What this tab shows, by the name in the storage. */
const drafts = new Map<string, string>();
/** What this tab has last seen in the storage under that name. */
const seen = new Map<string, string>();
/** Texts that came from another tab and that were not changed here. */
const adopted = new Set<string>();
const changes = createEmitter();
/** The name of the draft whose field is in mid-composition: its text cannot be replaced. */
let composing: string | null = null;

/** The name in the storage; null while it is not known whose it is. */
function nameOf(key: string, prefix = PREFIX): string | null {
  const owner = readOwner();
  return owner === null ? null : `${prefix}${owner}/${key}`;
}

const otherOf = (name: string) => OTHER_PREFIX + name.slice(PREFIX.length);

/** Null where storage is forbidden: then a draft lives as long as the page. */
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
    // Forbidden or full: as above.
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

/** Whether a text would be lost if this one took its place. */
function isLost(text: string, by: string): boolean {
  return text.trim() !== "" && !by.includes(text.trim());
}

/** Keeps a text that another one takes the place of. */
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
  // Another tab has written what this one has not seen yet.
  if (stored !== null && stored !== seen.get(name) && isLost(stored, text)) keepOther(name, stored);
  // A text of another tab's that is typed over as a whole may not have been looked at.
  else if (adopted.has(name) && countCommon(known, text) < known.length / 2 && isLost(known, text))
    keepOther(name, known);
  adopted.delete(name);
  drafts.set(name, text);
  save(name, text);
  changes.emit();
}

/** Removes a draft that is kept elsewhere or that the user has discarded. */
export function discardDraft(key: string): void {
  const name = nameOf(key);
  if (name !== null) adopted.delete(name);
  writeDraft(key, "");
}

/** Replaces a draft by a text that was not typed into its field. The draft is kept beside it. */
export function replaceDraft(key: string, text: string): void {
  const name = nameOf(key);
  if (name === null) return;
  const known = read(name);
  if (isLost(known, text)) keepOther(name, known);
  writeDraft(key, text);
}

/**
 * Takes the draft out of its field. The device keeps its copy until the returned function is
 * called, i.e. until the text is safe elsewhere; what was written since then is left alone.
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

/** The text that another tab's draft has replaced; empty if there is none. */
function readOther(key: string): string {
  const name = nameOf(key, OTHER_PREFIX);
  return name === null ? "" : read(name);
}

/** Puts the replaced text into the field; the one that was there is kept in its place. */
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

/** Another tab has changed the storage. `before` is what that tab had seen there. */
function receive(name: string, before: string, text: string): void {
  const known = drafts.get(name);
  seen.set(name, text);
  if (known === undefined || known === text) return;
  const isDraft = name.startsWith(PREFIX);
  if (isDraft && name === composing) {
    // The text in the field stays, and wins with the next key.
    if (isLost(text, known)) keepOther(name, text);
    changes.emit();
    return;
  }
  const isConflict = isDraft && known !== before && isLost(known, text);
  // The other tab has sent its text; this one is still being written.
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

/** A page that comes back from the browser's cache has heard of nothing meanwhile. */
window.addEventListener("pageshow", () => {
  for (const [name, text] of [...seen]) {
    const stored = load(name);
    if (stored !== null && stored !== text) receive(name, text, stored);
  }
});

/** While a text is being composed in the draft's field, other tabs do not replace it. */
export function setComposing(key: string, isComposing: boolean): void {
  composing = isComposing ? nameOf(key) : null;
}

/** The keys of this user's drafts on this device. */
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

/** Removes this user's drafts from the device; others' stay. */
export function clearDrafts(): void {
  adopted.clear();
  for (const key of listDrafts()) discardDraft(key);
  for (const key of listKeys(OTHER_PREFIX)) dismissOther(key);
}

export function useDraft(key: string): string {
  return useSyncExternalStore(changes.subscribe, () => readDraft(key));
}

/** As `readOther`: the text beside the draft. */
export function useOtherDraft(key: string): string {
  return useSyncExternalStore(changes.subscribe, () => readOther(key));
}

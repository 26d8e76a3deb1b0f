/**
 * Unsent texts, one per session (or "new"), kept on the device for the user who wrote them.
 * While nobody is known to be signed in there are none.
 */
import { useSyncExternalStore } from "react";
import { readOwner } from "./owner";

const PREFIX = "banter.draft.";
const drafts = new Map<string, string>();
const listeners = new Set<() => void>();

/** The name in the storage; null while it is not known whose it is. */
function nameOf(key: string): string | null {
  const owner = readOwner();
  return owner === null ? null : `${PREFIX}${owner}/${key}`;
}

export function readDraft(key: string): string {
  const name = nameOf(key);
  if (name === null) return "";
  const known = drafts.get(name);
  if (known !== undefined) return known;
  let stored = "";
  try {
    stored = localStorage.getItem(name) ?? "";
  } catch {
    // Storage is forbidden: the draft lives as long as the page.
  }
  drafts.set(name, stored);
  return stored;
}

export function writeDraft(key: string, text: string): void {
  const name = nameOf(key);
  if (name === null || readDraft(key) === text) return;
  drafts.set(name, text);
  try {
    if (text === "") localStorage.removeItem(name);
    else localStorage.setItem(name, text);
  } catch {
    // Forbidden or full: as above.
  }
  for (const listener of [...listeners]) listener();
}

/**
 * Takes the draft out of its field. The device keeps its copy until the returned function is
 * called, i.e. until the text is safe elsewhere; what was written since then is left alone.
 */
export function takeDraft(key: string): () => void {
  const name = nameOf(key);
  if (name === null) return () => {};
  drafts.set(name, "");
  for (const listener of [...listeners]) listener();
  return () => {
    if (drafts.get(name) !== "") return;
    try {
      localStorage.removeItem(name);
    } catch {
      // Forbidden: there is no copy.
    }
  };
}

/** The keys of this user's drafts on this device. */
export function listDrafts(): readonly string[] {
  const prefix = nameOf("");
  if (prefix === null) return [];
  const names = new Set([...drafts.keys(), ...storedNames()]);
  return [...names]
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((key) => readDraft(key).trim() !== "");
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
  for (const key of listDrafts()) writeDraft(key, "");
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useDraft(key: string): string {
  return useSyncExternalStore(subscribe, () => readDraft(key));
}

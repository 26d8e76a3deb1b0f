/** Unsent texts, one per session (or "new"), kept on the device. */
import { useSyncExternalStore } from "react";

const PREFIX = "banter.draft.";
const drafts = new Map<string, string>();
const listeners = new Set<() => void>();

export function readDraft(key: string): string {
  const known = drafts.get(key);
  if (known !== undefined) return known;
  let stored = "";
  try {
    stored = localStorage.getItem(PREFIX + key) ?? "";
  } catch {
    // Storage is forbidden: the draft lives as long as the page.
  }
  drafts.set(key, stored);
  return stored;
}

export function writeDraft(key: string, text: string): void {
  if (readDraft(key) === text) return;
  drafts.set(key, text);
  try {
    if (text === "") localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, text);
  } catch {
    // Forbidden or full: as above.
  }
  for (const listener of [...listeners]) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useDraft(key: string): string {
  return useSyncExternalStore(subscribe, () => readDraft(key));
}

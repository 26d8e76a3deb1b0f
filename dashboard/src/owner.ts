/**
 * Whose page this is. What the device keeps (drafts, unsent texts) belongs to one user of one
 * workspace, and no other user of this browser sees it or sends it.
 *
 * The tabs of a browser share their cookie: when another user signs in in one of them, the
 * others begin anew as that user.
 */
import { useSyncExternalStore } from "react";

const KEY = "banter.owner";

let owner: string | null = null;
const listeners = new Set<() => void>();

function set(next: string | null): void {
  owner = next;
  for (const listener of [...listeners]) listener();
}

/** One string for a user of a workspace. Neither part can contain the slash between them. */
export function nameOwner(user: { workspace_id: string; user_id: string }): string {
  return `${encodeURIComponent(user.workspace_id)}/${encodeURIComponent(user.user_id)}`;
}

/** The owner, or null until the server has said who is signed in. */
export function readOwner(): string | null {
  return owner;
}

/** The server has said who it is; the other tabs hear of it. */
export function setOwner(next: string): void {
  if (next === owner) return;
  set(next);
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Storage is forbidden: then there is nothing to keep for anybody.
  }
}

/** Nobody is signed in any more; the other tabs hear of it. */
export function forgetOwner(): void {
  set(null);
  try {
    localStorage.removeItem(KEY);
  } catch {
    // As above.
  }
}

window.addEventListener("storage", ({ key, newValue }) => {
  if (key === KEY && owner !== null && newValue !== owner) window.location.reload();
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useOwner(): string | null {
  return useSyncExternalStore(subscribe, readOwner);
}

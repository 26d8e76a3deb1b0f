/**
 * Whose page this is. What the device keeps (drafts, unsent texts) belongs to one user of one
 * workspace, and no other user of this browser sees it or sends it.
 *
 * The tabs of a browser share their cookie: when another user signs in in one of them, the
 * others begin anew as that user.
 */
import { createObservable, useObservable } from "./observable";

const KEY = "banter.owner";

const owner = createObservable<string | null>(null);

/** One string for a user of a workspace. Neither part can contain the slash between them. */
export function nameOwner(user: { workspace_id: string; user_id: string }): string {
  return `${encodeURIComponent(user.workspace_id)}/${encodeURIComponent(user.user_id)}`;
}

/** The owner, or null until the server has said who is signed in. */
export function readOwner(): string | null {
  return owner.get();
}

/** The server has said who it is; the other tabs hear of it. */
export function setOwner(next: string): void {
  if (next === owner.get()) return;
  owner.set(next);
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Storage is forbidden: then there is nothing to keep for anybody.
  }
}

/** Nobody is signed in any more; the other tabs hear of it. */
export function forgetOwner(): void {
  owner.set(null);
  try {
    localStorage.removeItem(KEY);
  } catch {
    // As above.
  }
}

window.addEventListener("storage", ({ key, newValue }) => {
  if (key === KEY && owner.get() !== null && newValue !== owner.get()) window.location.reload();
});

export function useOwner(): string | null {
  return useObservable(owner);
}

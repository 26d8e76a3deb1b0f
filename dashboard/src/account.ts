/**
 * The signed-in account: one user of one workspace. Drafts and unsent messages on the device belong
 * to an account and are neither shown to other users of the browser nor sent while another user is
 * signed in.
 *
 * All tabs of a browser share one cookie. When another user signs in from one tab, the other tabs
 * reload.
 */
import { createObservable, useObservable } from "./observable";

const KEY = "banter.owner";

const account = createObservable<string | null>(null);

/**
 * Returns the ID of a user's account: the workspace and the user, escaped and joined with a slash.
 */
export function accountIdOf(user: { workspace_id: string; user_id: string }): string {
  return `${encodeURIComponent(user.workspace_id)}/${encodeURIComponent(user.user_id)}`;
}

/** Returns the signed-in account, or null until the server has confirmed it. */
export function currentAccount(): string | null {
  return account.get();
}

/** Sets the account that the server has confirmed. Tabs with another account reload. */
export function setCurrentAccount(next: string): void {
  if (next === account.get()) return;
  account.set(next);
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Storage is disabled or full, so other tabs do not notice the change.
  }
}

/** Clears the account after signing out. Other tabs reload. */
export function clearCurrentAccount(): void {
  account.set(null);
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Storage is disabled.
  }
}

window.addEventListener("storage", ({ key, newValue }) => {
  if (key === KEY && account.get() !== null && newValue !== account.get()) window.location.reload();
});

export function useCurrentAccount(): string | null {
  return useObservable(account);
}

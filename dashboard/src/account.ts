/**
 * The signed-in account: one user of one workspace. Each draft and unsent message on the device
 * belongs to an account. It is neither shown nor sent while another account is signed in.
 *
 * All tabs of a browser share one cookie. When the account changes in one tab, the other tabs
 * reload.
 */
import { createObservable, useObservable } from "./observable";

const KEY = "banter.owner";

const account = createObservable<string | null>(null);

/**
 * Returns a user's account ID: the workspace ID and the user ID, percent-encoded and joined by a
 * slash.
 */
export function accountIdOf(user: { workspace_id: string; user_id: string }): string {
  return `${encodeURIComponent(user.workspace_id)}/${encodeURIComponent(user.user_id)}`;
}

/** Returns the ID of the signed-in account, or null if the server has not confirmed one. */
export function currentAccount(): string | null {
  return account.get();
}

/** Sets the account that the server has confirmed. Tabs with a different account reload. */
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

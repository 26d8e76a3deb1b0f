/**
 * The account whose copy may be shown before the server has confirmed who is signed in. It is
 * cleared by signing out and by a 401 response, in all tabs.
 */
const KEY = "banter.offline-account";

/** Returns the account, or null if no copy may be shown or stored. */
export function copyAccount(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // Storage is disabled, so there are no copies.
    return null;
  }
}

export function setCopyAccount(account: string | null): void {
  try {
    if (account === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, account);
  } catch {
    // Storage is disabled or full, so no copies are stored.
  }
}

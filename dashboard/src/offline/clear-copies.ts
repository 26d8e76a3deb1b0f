import { setCopyAccount } from "./copy-account";

/**
 * Removes the copies of all accounts, after signing out or after a 401 response. Resolves once
 * nothing is left, or if storage is disabled.
 */
export async function clearCopies(): Promise<void> {
  setCopyAccount(null);
  const { removeCopies } = await import("./copy-storage");
  await removeCopies(null).catch(() => {});
}

/** Restores copies while the server cannot be reached. */
import { queryClient } from "@/api/query-client";
import { store } from "@/stream/store";
import { isValidThread, validSessions } from "./copy";
import { copyAccount } from "./copy-account";
import { readList, readThread } from "./copy-storage";

/**
 * Shows the copy of the account's list, unless the list has been fetched. Returns whether there is
 * a copy.
 */
export async function restoreList(account: string): Promise<boolean> {
  const copy = await readList(account).catch(() => undefined);
  const isFetched = store.getState().listedAt.active >= 0;
  // The user may have been signed out in the meantime.
  if (!copy || isFetched || copyAccount() !== account) return false;
  store.dispatch({ type: "list.restored", items: validSessions(copy.sessions) });
  // The pending requests replace these when the server responds.
  for (const [key, data] of [
    ["me", copy.me],
    ["agents", copy.agents],
  ] as const)
    if (queryClient.getQueryData([key]) === undefined)
      queryClient.setQueryData([key], data, { updatedAt: 0 });
  return true;
}

/** Shows the copy of a thread, unless it has been fetched. */
export async function restoreThread(account: string, sessionId: string): Promise<void> {
  const copy = await readThread(account, sessionId).catch(() => undefined);
  if (copy && isValidThread(copy.data))
    store.dispatch({ type: "thread.restored", data: copy.data });
}

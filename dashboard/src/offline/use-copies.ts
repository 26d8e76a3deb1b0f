/**
 * Keeps a copy of the chat list and of recent threads on the device, and shows it while the server
 * cannot be reached.
 *
 * Guarantees:
 * - A copy never replaces or outlives fetched data.
 * - A copy is shown only for the account that the server confirmed last. Signing out and a 401
 *   response remove all copies.
 */
import { useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { accountIdOf, useCurrentAccount } from "@/account";
import { onUnauthorized } from "@/api/client";
import { useMe } from "@/api/me";
import { store, useStore } from "@/stream/store";
import { useConnectionTrouble } from "@/stream/use-connection";
import { useDelayed } from "@/use-delayed";
import { clearCopies } from "./clear-copies";
import { copyAccount, setCopyAccount } from "./copy-account";
import { openSessionId } from "./open-session";

/** How long the server may take to respond before the copy is shown. */
const RESPONSE_TIMEOUT_MS = 3000;

onUnauthorized(() => void clearCopies());

/** Stores and restores copies. Returns whether the page shows a copy of the list. */
export function useCopies(): boolean {
  const me = useMe();
  // Restored data has the time 0.
  const confirmed = me.data && me.dataUpdatedAt > 0 ? accountIdOf(me.data) : null;
  const isListed = useStore((state) => state.listedAt.active >= 0);
  const isSlow = useDelayed(!isListed, RESPONSE_TIMEOUT_MS);
  const isNeeded = !isListed && !me.isError && (me.failureCount > 0 || isSlow);
  const [restored, setRestored] = useState<string | null>(null);

  useEffect(() => {
    const account = confirmed ?? copyAccount();
    if (!isNeeded || account === null) return;
    void import("./restore-copies")
      .then(({ restoreList }) => restoreList(account))
      .then((isRestored) => isRestored && setRestored(account));
  }, [isNeeded, confirmed]);

  useEffect(() => {
    if (!isListed || restored === null) return;
    store.dispatch({ type: "restored.dropped", openId: openSessionId() });
    setRestored(null);
  }, [isListed, restored]);

  useEffect(() => {
    if (confirmed === null) return;
    setCopyAccount(confirmed);
    // The copy belongs to another user, who has been signed out without a response to this page.
    if (restored !== null && restored !== confirmed) return window.location.reload();
    let stop = () => {};
    let isEnded = false;
    void import("./save-copies").then(({ saveCopies }) => {
      if (!isEnded) stop = saveCopies(confirmed);
    });
    return () => {
      isEnded = true;
      stop();
    };
  }, [confirmed, restored]);

  useRestoredThread(restored !== null);
  return restored !== null;
}

/** Shows the copy of the open chat's thread if the thread is not loaded and the server is down. */
function useRestoredThread(isListRestored: boolean): void {
  const { sessionId } = useParams({ strict: false });
  const account = useCurrentAccount();
  const isDown = useConnectionTrouble() !== null || isListRestored;
  const isLoaded = useStore((state) => state.threads[sessionId ?? ""]?.isLoaded === true);
  useEffect(() => {
    if (!sessionId || account === null || !isDown || isLoaded) return;
    void import("./restore-copies").then(({ restoreThread }) => restoreThread(account, sessionId));
  }, [sessionId, account, isDown, isLoaded]);
}

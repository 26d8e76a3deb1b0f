import { useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useCurrentAccount } from "@/account";
import { useMe } from "@/api/me";
import { isLeading } from "@/stream/shared-connection";
import { useStore } from "@/stream/store";
import { useConnectionStatus } from "@/stream/use-connection";
import type { RunningSync } from "./device";

/**
 * Synchronizes drafts with the user's other devices. After each reconnect and when the page becomes
 * visible, fetches the drafts again, because the log does not contain them.
 */
export function useDraftSync(): void {
  const account = useCurrentAccount();
  const role = useMe().data?.role;
  const canWrite = role !== undefined && role !== "viewer";
  const isLive = useConnectionStatus() === "live";
  const { sessionId } = useParams({ strict: false });
  // Once the thread is loaded, it is known which texts have been sent.
  const isLoaded = useStore((state) => state.threads[sessionId ?? ""]?.isLoaded === true);
  const [sync, setSync] = useState<RunningSync | null>(null);

  useEffect(() => {
    if (account === null || !canWrite) return;
    let running: RunningSync | null = null;
    let isEnded = false;
    void import("./device").then(({ startDraftSync }) => {
      if (isEnded) return;
      running = startDraftSync(account);
      setSync(running);
    });
    return () => {
      isEnded = true;
      running?.close();
      setSync(null);
    };
  }, [account, canWrite]);

  useEffect(() => {
    if (sync && isLive && isLeading()) void sync.synchronizeAll();
  }, [sync, isLive]);

  useEffect(() => {
    if (!sync || !isLive || !isLoaded || !sessionId) return;
    const synchronize = () => {
      if (document.visibilityState === "visible") void sync.synchronize(sessionId);
    };
    synchronize();
    document.addEventListener("visibilitychange", synchronize);
    return () => document.removeEventListener("visibilitychange", synchronize);
  }, [sync, isLive, isLoaded, sessionId]);
}

/** The page's one connection, fed into the store, and its status for the views. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { type ConnectionStatus, connect } from "./connection";
import { store } from "./store";

let status: ConnectionStatus = "connecting";
const listeners = new Set<() => void>();

function setStatus(next: ConnectionStatus): void {
  if (next === status) return;
  status = next;
  for (const listener of [...listeners]) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useConnectionStatus(): ConnectionStatus {
  return useSyncExternalStore(subscribe, () => status);
}

/** Shorter interruptions are nobody's business. */
const PATIENCE_MS = 2000;

/** The status once it has been anything but live for a while; else null. */
export function useConnectionTrouble(): Exclude<ConnectionStatus, "live"> | null {
  const current = useConnectionStatus();
  const isLive = current === "live";
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    if (isLive) return setLong(false);
    const timer = setTimeout(() => setLong(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isLive]);
  return !isLive && isLong ? current : null;
}

/** Opens the stream once `isReady`, i.e. when there is a position to go on from. */
export function useConnection(isReady: boolean, onTrouble: () => void): void {
  useEffect(() => {
    if (!isReady) return;
    return connect({
      position: () => store.getState().position,
      onEvents: (events) =>
        store.dispatch(
          ...events.map(({ cursor, event }) => ({ type: "event" as const, cursor, event })),
        ),
      onStatus: setStatus,
      onTrouble,
    });
  }, [isReady, onTrouble]);
}

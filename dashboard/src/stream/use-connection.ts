/** The page's one connection, fed into the store, and its status for the views. */
import { useEffect, useSyncExternalStore } from "react";
import { useAfter } from "@/use-after";
import type { ConnectionStatus, Received } from "./connection";
import type { StreamEvent } from "./events";
import { connectShared } from "./shared";
import type { State } from "./state";
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
  const isLong = useAfter(PATIENCE_MS, current !== "live");
  return current !== "live" && isLong ? current : null;
}

const eventListeners = new Set<(event: StreamEvent) => void>();

/** Calls `listener` for each event that came, after the store has it. */
export function onStreamEvent(listener: (event: StreamEvent) => void): () => void {
  eventListeners.add(listener);
  return () => eventListeners.delete(listener);
}

function apply(events: readonly Received[]): void {
  store.dispatch(...events.map(({ cursor, event }) => ({ type: "event" as const, cursor, event })));
  for (const { event } of events) for (const listener of [...eventListeners]) listener(event);
}

/** The running turns' signs of life and steps, as the events that tell them. */
function describeRunning(state: State): readonly Received[] {
  const at = new Date().toISOString();
  return Object.entries(state.typing).flatMap(([id, { taskId, expiresAt }]) => {
    const about = { at, chat_session_id: id, task_id: taskId };
    const typing = {
      ...about,
      type: "typing" as const,
      agent_key: state.sessions[id]?.value?.agent_key ?? "",
      is_typing: true,
      expires_at: expiresAt,
    };
    const known = state.steps[taskId];
    const steps = Object.values(known?.bySeq ?? {}).map((step) => ({
      ...about,
      type: "task.step" as const,
      attempt: known?.attempt ?? 0,
      step,
    }));
    return [typing, ...steps].map((event) => ({ cursor: null, event }));
  });
}

/** Opens the stream once `isReady`, i.e. when there is a position to go on from. */
export function useConnection(isReady: boolean, onTrouble: () => void): void {
  useEffect(() => {
    if (!isReady) return;
    return connectShared({
      position: () => store.getState().position,
      onEvents: apply,
      onStatus: setStatus,
      onTrouble,
      snapshot: () => describeRunning(store.getState()),
    });
  }, [isReady, onTrouble]);
}

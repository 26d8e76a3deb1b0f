/** The page's connection, which feeds the store, and its status. */
import { useEffect } from "react";
import { createEmitter, createObservable, useObservable } from "@/observable";
import { useDelayed } from "@/use-delayed";
import type { ConnectionStatus, Received } from "./connection";
import type { StreamEvent } from "./events";
import { connectShared } from "./shared-connection";
import type { State } from "./state";
import { store } from "./store";

const status = createObservable<ConnectionStatus>("connecting");

export function useConnectionStatus(): ConnectionStatus {
  return useObservable(status);
}

/** Shorter interruptions are not shown. */
const OUTAGE_DELAY_MS = 2000;

/** Returns the status if the connection has been down for a while; otherwise null. */
export function useConnectionTrouble(): Exclude<ConnectionStatus, "live"> | null {
  const current = useConnectionStatus();
  const isDisconnected = useDelayed(current !== "live", OUTAGE_DELAY_MS);
  return current !== "live" && isDisconnected ? current : null;
}

const applied = createEmitter<StreamEvent>();

/** Calls `listener` for each event, after the store has applied it. */
export const onStreamEvent = applied.subscribe;

function apply(events: readonly Received[]): void {
  store.dispatch(...events.map(({ cursor, event }) => ({ type: "event" as const, cursor, event })));
  for (const { event } of events) applied.emit(event);
}

/** Returns typing and step events for the running tasks. */
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

/** Opens the stream once `isReady` is true, which means that there is a position to resume from. */
export function useConnection(isReady: boolean, onTrouble: () => void): void {
  useEffect(() => {
    if (!isReady) return;
    return connectShared({
      position: () => store.getState().position,
      onEvents: apply,
      onStatus: status.set,
      onTrouble,
      snapshot: () => describeRunning(store.getState()),
    });
  }, [isReady, onTrouble]);
}

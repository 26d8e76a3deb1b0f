import { useEffect } from "react";
import { reportFailure } from "@/components/report-failure";
import { store } from "@/stream/store";
import { isTurnFetched, loadTurn } from "../turn-pages";
import { onGoTo, type Place } from "./navigation";

/** Moves the thread to the requested places. Fetches their turns first if necessary. */
export function useGoTo(sessionId: string, moveTo: (place: Place) => void): void {
  useEffect(() => {
    let latest: Place | null = null;
    async function go(place: Place) {
      latest = place;
      const turn = place.kind === "start" ? 1 : place.kind === "turn" ? place.turn : null;
      const thread = store.getState().threads[sessionId];
      if (turn !== null && thread && !isTurnFetched(thread, turn)) {
        await loadTurn(sessionId, turn);
        // The user has moved on in the meantime.
        if (latest !== place) return;
      }
      moveTo(place);
    }
    const stop = onGoTo((place) => void go(place).catch(reportFailure));
    return () => {
      latest = null;
      stop();
    };
  }, [sessionId, moveTo]);
}

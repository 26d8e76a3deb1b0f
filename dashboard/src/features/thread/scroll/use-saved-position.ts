import { useEffect, useLayoutEffect, useRef } from "react";
import { type Position, savePosition } from "./positions";

/** Stores the position of a chat when it is closed and when the page is left or reloaded. */
export function useSavedPosition(sessionId: string, findPosition: () => Position | null): void {
  const find = useRef(findPosition);
  find.current = findPosition;
  // The rows are still in the document when a layout effect is cleaned up.
  useLayoutEffect(() => () => savePosition(sessionId, find.current()), [sessionId]);
  useEffect(() => {
    const save = () => savePosition(sessionId, find.current());
    window.addEventListener("pagehide", save);
    return () => window.removeEventListener("pagehide", save);
  }, [sessionId]);
}

import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { hasModifier, hasOverlay, useShortcuts } from "@/keyboard";
import { createEmitter } from "@/observable";

const FindBar = lazy(() => import("./find-bar"));

const requests = createEmitter();

/** Opens the find bar of the open chat. */
export const openFind = requests.emit;

/**
 * Shows the find bar when it is requested. Mod+F opens it, and pressed again in the bar, it opens
 * the browser's own.
 */
export function FindInChat(props: {
  sessionId: string;
  isMarkdown: boolean;
  findVisibleTurn: () => number;
}) {
  const [request, setRequest] = useState(0);
  useEffect(() => requests.subscribe(() => setRequest((count) => count + 1)), []);
  const onKey = useCallback((event: KeyboardEvent) => {
    const isFind = hasModifier(event) && !event.shiftKey && !event.altKey;
    if (!isFind || event.key.toLowerCase() !== "f" || hasOverlay()) return;
    if (event.target instanceof Element && event.target.closest("search")) return;
    event.preventDefault();
    openFind();
  }, []);
  useShortcuts(onKey);
  const close = useCallback(() => setRequest(0), []);
  if (request === 0) return null;
  return (
    <Suspense>
      <FindBar {...props} request={request} onClose={close} />
    </Suspense>
  );
}

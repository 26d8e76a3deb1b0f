import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { hasModifier, hasOverlay, useShortcuts } from "@/keyboard";
import { createEmitter } from "@/observable";
import type { FindRequest } from "./find-request";

const FindBar = lazy(() => import("./find-bar"));

const requests = createEmitter();
/** The request for the chat that is open or opens next. */
let requested: FindRequest | null = null;

/** Opens the find bar of the open chat. */
export function openFind(): void {
  requested = null;
  requests.emit();
}

/** Opens the find bar of a chat with a text, as soon as the chat is open. */
export function requestFind(request: FindRequest): void {
  requested = request;
  requests.emit();
}

/**
 * Shows the find bar when it is requested. Mod+F opens it, and pressed again in the bar, it opens
 * the browser's own.
 */
export function FindInChat(props: {
  sessionId: string;
  isMarkdown: boolean;
  findVisibleTurn: () => number;
}) {
  const { sessionId } = props;
  const [request, setRequest] = useState(0);
  const [initial, setInitial] = useState<FindRequest | null>(null);
  useEffect(() => {
    const open = () => {
      if (requested && requested.sessionId !== sessionId) return;
      setInitial(requested);
      requested = null;
      setRequest((count) => count + 1);
    };
    if (requested) open();
    return requests.subscribe(open);
  }, [sessionId]);
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
      <FindBar
        key={initial ? request : "typed"}
        {...props}
        request={request}
        initial={initial}
        onClose={close}
      />
    </Suspense>
  );
}

import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { hasModifier, hasOverlay, useShortcuts } from "@/keyboard";
import { createEmitter } from "@/observable";

const QuestionList = lazy(() => import("./question-list"));

const requests = createEmitter();

/** Opens the list of questions of the open chat. */
export const openQuestions = requests.emit;

/** Shows the list of questions when it is requested, such as with Mod+J. */
export function Questions(props: { sessionId: string; findVisibleTurn: () => number }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => requests.subscribe(() => setOpen(true)), []);
  const onKey = useCallback((event: KeyboardEvent) => {
    const isWanted = hasModifier(event) && !event.shiftKey && !event.altKey;
    if (!isWanted || event.key.toLowerCase() !== "j") return;
    event.preventDefault();
    if (!hasOverlay()) openQuestions();
  }, []);
  useShortcuts(onKey);
  const close = useCallback(() => setOpen(false), []);
  if (!isOpen) return null;
  return (
    <Suspense>
      <QuestionList
        sessionId={props.sessionId}
        visibleTurn={props.findVisibleTurn()}
        onClose={close}
      />
    </Suspense>
  );
}

import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { hasModifier, hasOverlay, useShortcuts } from "@/keyboard";
import { createEmitter } from "@/observable";

const QuestionList = lazy(() => import("./question-list"));
const QuestionMap = lazy(() => import("./question-map"));

const requests = createEmitter();

/** Opens the list of questions of the open chat. */
export const openQuestions = requests.emit;

/** The map of questions, and the list of questions when it is requested, such as with Mod+J. */
export function Questions(props: {
  sessionId: string;
  /** The turn at the top of the view. */
  visibleTurn: number;
}) {
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
  const about = { sessionId: props.sessionId, visibleTurn: props.visibleTurn };
  return (
    <Suspense>
      <QuestionMap {...about} />
      {isOpen && <QuestionList {...about} onClose={close} />}
    </Suspense>
  );
}

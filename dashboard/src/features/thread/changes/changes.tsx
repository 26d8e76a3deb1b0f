import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { createEmitter } from "@/observable";

const ChangesDialog = lazy(() => import("./changes-dialog"));

/** Opens the changes of a turn, or those of the whole chat if `turn` is null. */
const requests = createEmitter<{ turn: number | null }>();

/** Opens the list of files that the agent has changed. */
export function openChanges(turn: number | null): void {
  requests.emit({ turn });
}

/** The list of changed files when it is requested. */
export function Changes({ sessionId }: { sessionId: string }) {
  const [open, setOpen] = useState<{ turn: number | null } | null>(null);
  useEffect(() => requests.subscribe(setOpen), []);
  const close = useCallback(() => setOpen(null), []);
  return (
    open && (
      <Suspense>
        <ChangesDialog sessionId={sessionId} turn={open.turn} onClose={close} />
      </Suspense>
    )
  );
}

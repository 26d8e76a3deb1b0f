import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { createEmitter } from "@/observable";

const FilesDialog = lazy(() => import("./files-dialog"));

const requests = createEmitter();

/** Opens the list of files of the open chat. */
export const openFiles = requests.emit;

/** The list of files when it is requested. */
export function Files({ sessionId }: { sessionId: string }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => requests.subscribe(() => setOpen(true)), []);
  const close = useCallback(() => setOpen(false), []);
  return (
    isOpen && (
      <Suspense>
        <FilesDialog sessionId={sessionId} onClose={close} />
      </Suspense>
    )
  );
}

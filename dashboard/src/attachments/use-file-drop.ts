import { useEffect, useState } from "react";
import { hasOverlay } from "@/keyboard";

/**
 * Calls `onFiles` with the files that are dropped anywhere on the page. Returns whether files are
 * being dragged over the page.
 */
export function useFileDrop(onFiles: (files: readonly File[]) => void): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    function onDragOver(event: DragEvent) {
      if (!hasFiles(event)) return;
      // The browser would open the files instead of the page.
      event.preventDefault();
      if (!hasOverlay()) setOver(true);
    }
    function onDragLeave({ relatedTarget }: DragEvent) {
      // The pointer has left the window.
      if (relatedTarget === null) setOver(false);
    }
    function onDrop(event: DragEvent) {
      setOver(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (!hasOverlay()) onFiles([...(event.dataTransfer?.files ?? [])]);
    }
    window.addEventListener("dragover", onDragOver);
    window.addEventListener("dragleave", onDragLeave);
    window.addEventListener("drop", onDrop);
    return () => {
      window.removeEventListener("dragover", onDragOver);
      window.removeEventListener("dragleave", onDragLeave);
      window.removeEventListener("drop", onDrop);
      setOver(false);
    };
  }, [onFiles]);
  return isOver;
}

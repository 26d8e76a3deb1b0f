import { useEffect, useState } from "react";
import { hasOverlay } from "@/keyboard";

/**
 * Calls `onFiles` with the files that are dropped anywhere on the page. Returns whether files are
 * being dragged over the page.
 */
export function useFileDrop(onFiles: ((files: readonly File[]) => void) | null): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    if (!onFiles) return;
    const hasFiles = (event: DragEvent) =>
      event.dataTransfer?.types.includes("Files") === true && !hasOverlay();
    function onDragOver(event: DragEvent) {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    }
    function onDragLeave({ relatedTarget }: DragEvent) {
      // The pointer has left the window.
      if (relatedTarget === null) setOver(false);
    }
    function onDrop(event: DragEvent) {
      setOver(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      onFiles?.([...(event.dataTransfer?.files ?? [])]);
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

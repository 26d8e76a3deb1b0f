import { useEffect } from "react";
import { useStore } from "@/stream/store";
import { discardFiles, listFileDrafts } from "./pending-files";

/** Removes the files in the drafts of deleted chats, also of those deleted in another window. */
export function useDiscardedFiles(): void {
  const sessions = useStore((state) => state.sessions);
  useEffect(() => {
    for (const key of listFileDrafts()) if (sessions[key]?.value === null) discardFiles(key);
  }, [sessions]);
}

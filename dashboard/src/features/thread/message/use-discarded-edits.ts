import { useEffect } from "react";
import { useStore } from "@/stream/store";
import { stopEdits } from "./message-editing";

/** Removes the edits of messages in deleted chats, also of those deleted in another window. */
export function useDiscardedEdits(): void {
  const sessions = useStore((state) => state.sessions);
  useEffect(() => stopEdits(({ sessionId }) => sessions[sessionId]?.value === null), [sessions]);
}

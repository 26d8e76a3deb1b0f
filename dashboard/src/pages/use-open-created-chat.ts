import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { moveFiles } from "@/attachments/pending-files";
import { discardDraft, readDraft, writeDraft } from "@/drafts";
import { outbox } from "@/outbox/use-outbox";

/** The key of the draft of a new chat. */
export const DRAFT = "new";

/** Opens a new chat as soon as the outbox has created its session. */
export function useOpenCreatedChat(isHome: boolean): void {
  const navigate = useNavigate();
  useEffect(
    () =>
      outbox.onSessionCreated((sessionId) => {
        // A draft written in the meantime belongs to the new session.
        const draft = readDraft(DRAFT);
        discardDraft(DRAFT);
        if (draft) writeDraft(sessionId, draft);
        moveFiles(DRAFT, sessionId);
        // The Back button must lead to the chat list.
        void navigate({ to: "/chat/$sessionId", params: { sessionId }, replace: !isHome });
      }),
    [navigate, isHome],
  );
}

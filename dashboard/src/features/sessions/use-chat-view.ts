import { useRouter } from "@tanstack/react-router";
import { useMemo } from "react";

/** The view of the open chat. */
export interface ChatView {
  /** Closes the chat and shows the start page. */
  leave(): Promise<void>;
  /** Opens a chat again, unless the user has moved on from the start page. */
  comeBack(sessionId: string): void;
}

/** Returns the functions that close and reopen the view of a chat. They never change. */
export function useChatView(): ChatView {
  const router = useRouter();
  return useMemo(
    () => ({
      leave: () => router.navigate({ to: "/" }),
      comeBack(sessionId) {
        if (router.state.location.pathname !== "/") return;
        void router.navigate({ to: "/chat/$sessionId", params: { sessionId } });
      },
    }),
    [router],
  );
}

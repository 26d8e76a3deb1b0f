import { useNavigate } from "@tanstack/react-router";
import { GitFork } from "lucide-react";
import { useRef, useState } from "react";
import { body, client } from "@/api/client";
import { useCanWrite } from "@/api/me";
import type { Message } from "@/api/models";
import { reportFailure } from "@/components/report-failure";
import { newId } from "@/identifier";
import { openSessionId } from "@/offline/open-session";
import { store } from "@/stream/store";
import { texts } from "@/texts";

/** A button that creates a chat with the history up to an answer, and opens it. */
export function ForkButton({ message, className }: { message: Message; className: string }) {
  const navigate = useNavigate();
  const canWrite = useCanWrite();
  const [isBusy, setBusy] = useState(false);
  // Kept until the request succeeds, so that pressing the button again creates no second fork.
  const key = useRef<string>(undefined);

  async function fork() {
    if (isBusy) return;
    setBusy(true);
    key.current ??= newId();
    try {
      const session = await body(
        client.POST("/v1/chat/{id}/fork", {
          params: {
            path: { id: message.chat_session_id },
            header: { "Idempotency-Key": key.current },
          },
          body: { message_id: message.id },
        }),
      );
      store.dispatch({ type: "session.accepted", session });
      key.current = undefined;
      if (openSessionId() === message.chat_session_id)
        await navigate({ to: "/chat/$sessionId", params: { sessionId: session.id } });
    } catch (error) {
      reportFailure(error);
    } finally {
      setBusy(false);
    }
  }

  if (!canWrite) return null;
  return (
    <button
      type="button"
      aria-disabled={isBusy}
      title={texts.thread.forkHint}
      onClick={() => void fork()}
      className={`tap inline-flex items-center gap-1.5 rounded px-1 text-ink-3 text-small hover:text-ink print:hidden ${className}`}
    >
      <GitFork size={13} aria-hidden="true" />
      <span className="max-md:sr-only">{texts.thread.fork}</span>
    </button>
  );
}

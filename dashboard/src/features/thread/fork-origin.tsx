import { Link } from "@tanstack/react-router";
import { GitFork } from "lucide-react";
import type { Session } from "@/api/models";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";

/** A line that names the chat from which a chat was forked. */
export function ForkOrigin({ origin }: { origin: NonNullable<Session["forked_from"]> }) {
  const id = origin.chat_session_id;
  const title = useStore((state) => state.sessions[id]?.value?.title);
  return (
    <p className="flex items-center gap-1.5 self-center py-2 text-ink-3 text-small">
      <GitFork size={13} aria-hidden="true" className="shrink-0" />
      <Link
        to="/chat/$sessionId"
        params={{ sessionId: id }}
        className="tap rounded hover:text-ink hover:underline [overflow-wrap:anywhere]"
      >
        {title ? texts.thread.forkedFrom(title) : texts.thread.forked}
      </Link>
    </p>
  );
}

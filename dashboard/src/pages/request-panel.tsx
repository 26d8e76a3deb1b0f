import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useCanWrite } from "@/api/me";
import type { Session } from "@/api/models";
import { Button } from "@/components/ui/button";
import { buttonVariants, type PermissionAnswer } from "@/features/thread/permission/permission";
import { answerPermission } from "@/features/thread/task-actions";
import type { OpenRequest } from "@/stream/open-requests";
import { showControls } from "@/terminal/screen";
import { texts } from "@/texts";
import { readShortRequest } from "./short-request";

/**
 * An open permission request in the chat list: its input and its options. A request that cannot be
 * shown there in full can only be reviewed in its chat.
 */
export function RequestPanel({ session, request }: { session: Session; request: OpenRequest }) {
  const canWrite = useCanWrite();
  const [isSending, setSending] = useState(false);
  const short = readShortRequest(request);
  const title = session.title || texts.sessions.untitled;

  async function send(answer: PermissionAnswer) {
    if (!short || isSending) return;
    setSending(true);
    await answerPermission(session.id, request.taskId, short.requestId, answer);
    setSending(false);
  }

  if (!canWrite) return null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: there are no form fields
    <div role="group" aria-label={texts.sessions.requestIn(title)}>
      {short?.input && (
        <pre className="mb-2 whitespace-pre-wrap rounded-lg bg-code px-2 py-1 font-mono text-small [overflow-wrap:anywhere]">
          {showControls(short.input)}
        </pre>
      )}
      <div className="flex flex-wrap gap-1.5">
        {short ? (
          short.choices.map(({ name, answer, look }) => (
            <Button
              key={"option_id" in answer ? `option ${answer.option_id}` : answer.decision}
              size="small"
              variant={buttonVariants[look]}
              // A disabled button would lose the focus.
              aria-disabled={isSending}
              className="aria-disabled:opacity-55"
              onClick={() => void send(answer)}
            >
              {name}
            </Button>
          ))
        ) : (
          <Link
            to="/chat/$sessionId"
            params={{ sessionId: session.id }}
            aria-label={texts.sessions.reviewOf(title)}
            className="inline-flex h-8 items-center rounded-[10px] bg-ink px-3.5 font-[570] pointer-coarse:h-10 text-bg text-note hover:bg-ink/85"
          >
            {texts.sessions.review}
          </Link>
        )}
      </div>
    </div>
  );
}

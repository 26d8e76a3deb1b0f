import { ShieldQuestion } from "lucide-react";
import { memo, useRef, useState } from "react";
import type { Task } from "@/api/models";
import { RequireWriteAccess } from "@/components/require-write-access";
import { Button } from "@/components/ui/button";
import { showControls } from "@/terminal/screen";
import { texts } from "@/texts";
import { formatClock } from "@/time";
import { FileDiffs } from "../diff/file-diffs";
import { answerPermission } from "../task-actions";
import { useFocusHandover } from "../use-focus-handover";
import {
  buttonVariants,
  listChoices,
  type PermissionAnswer,
  type PermissionRequest,
} from "./permission";

/** The number of lines to which a long diff is collapsed, so that the buttons stay in view. */
const DIFF_LINES = 12;

/** An open permission request with its options. */
export const PermissionCard = memo(function PermissionCard(props: {
  task: Task;
  request: PermissionRequest;
  agentName: string;
}) {
  const { task, request } = props;
  const [isSending, setSending] = useState(false);
  const card = useRef<HTMLDivElement>(null);
  useFocusHandover(card);
  const send = async (answer: PermissionAnswer) => {
    if (isSending) return;
    setSending(true);
    await answerPermission(task.chat_session_id, task.id, request.request_id, answer);
    setSending(false);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: there are no form fields
    <div
      ref={card}
      role="group"
      aria-label={texts.permission.label}
      data-permission-card=""
      tabIndex={-1}
      className="my-1 flex w-full max-w-[640px] animate-rise flex-col gap-3 self-start rounded-bubble border border-line-strong bg-surface p-4 shadow-low"
    >
      <div className="flex items-start gap-3">
        <span className="grid size-8 shrink-0 place-items-center rounded-[10px] bg-warn-soft text-warn">
          <ShieldQuestion size={17} aria-hidden="true" />
        </span>
        <div className="min-w-0">
          <p className="text-ink-2 text-small">{texts.permission.request(props.agentName)}</p>
          <p dir="auto" className="font-[570] [overflow-wrap:anywhere]">
            {request.title}
          </p>
        </div>
      </div>
      {request.diffs.length > 0 && <FileDiffs diffs={request.diffs} maxLines={DIFF_LINES} />}
      {request.input && (
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be focusable.
          tabIndex={0}
          className="max-h-40 overflow-auto whitespace-pre-wrap rounded-[9px] bg-code px-2.5 py-2 font-mono text-[13px] leading-5 [overflow-wrap:anywhere] [unicode-bidi:plaintext]"
        >
          {showControls(request.input)}
        </pre>
      )}
      <div className="flex flex-wrap items-center gap-2">
        <RequireWriteAccess>
          {listChoices(request).map(({ name, answer, look }) => (
            <Button
              key={"option_id" in answer ? `option ${answer.option_id}` : answer.decision}
              variant={buttonVariants[look]}
              // A disabled button would lose the focus.
              aria-disabled={isSending}
              className="h-auto! min-h-9 pointer-coarse:min-h-10 max-w-full py-1.5 text-start aria-disabled:opacity-55 [overflow-wrap:anywhere]"
              onClick={() => void send(answer)}
            >
              {name}
            </Button>
          ))}
        </RequireWriteAccess>
        {request.expires_at && (
          <span className="ms-auto text-ink-3 text-small tabular-nums">
            {texts.permission.expiresAt(formatClock(request.expires_at))}
          </span>
        )}
      </div>
    </div>
  );
});

import { ShieldQuestion } from "lucide-react";
import { memo, useState } from "react";
import type { Task } from "@/api/models";
import { Button } from "@/components/ui/button";
import { texts } from "@/texts";
import { formatClock } from "@/time";
import type { PermissionRequest } from "./permission";
import { answerPermission } from "./task-actions";

const names = { allow: texts.permission.allow, reject: texts.permission.reject };

/** What the agent wants to be allowed, and the answer to it. */
export const PermissionCard = memo(function PermissionCard(props: {
  task: Task;
  request: PermissionRequest;
}) {
  const { task, request } = props;
  const [isSending, setSending] = useState(false);
  const answer = async (decision: "allow" | "reject") => {
    setSending(true);
    await answerPermission(task.chat_session_id, task.id, request.request_id, decision);
    setSending(false);
  };
  const offered = (["allow", "reject"] as const).filter((decision) =>
    request.options.some((option) => option.decision === decision),
  );
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form's fields
    <div
      role="group"
      aria-label={texts.permission.label}
      className="my-1 flex w-full max-w-[460px] animate-rise flex-col gap-2.5 self-start rounded-[16px] border border-line-strong bg-surface p-3.5 shadow-low"
    >
      <div className="flex items-start gap-3">
        <span className="grid size-8 shrink-0 place-items-center rounded-[10px] bg-accent-soft text-accent">
          <ShieldQuestion size={17} aria-hidden="true" />
        </span>
        <div className="min-w-0">
          <p className="text-ink-2 text-small">{texts.permission.asks}</p>
          <p className="font-[570] text-note [overflow-wrap:anywhere]">{request.title}</p>
        </div>
      </div>
      <div className="flex flex-wrap items-center gap-2">
        {offered.map((decision) => (
          <Button
            key={decision}
            variant={decision === "allow" ? "accent" : "outline"}
            disabled={isSending}
            title={request.options.find((option) => option.decision === decision)?.name}
            onClick={() => void answer(decision)}
          >
            {names[decision]}
          </Button>
        ))}
        <span className="ml-auto text-ink-3 text-small tabular-nums">
          {texts.permission.until(formatClock(request.expires_at))}
        </span>
      </div>
    </div>
  );
});

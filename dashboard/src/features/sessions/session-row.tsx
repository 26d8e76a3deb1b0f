import { Link } from "@tanstack/react-router";
import { memo, useMemo } from "react";
import { useAgent } from "@/api/agents";
import type { Session } from "@/api/models";
import { AgentAvatar } from "@/components/agent-avatar";
import { useDraft } from "@/drafts";
import { useOutgoingMessages } from "@/outbox/use-outbox";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";
import { formatExact, formatListTime } from "@/time";
import { SessionMenu } from "./session-menu";
import { describeSession } from "./session-preview";
import { useNewestTurn } from "./use-newest-turn";

/** A row in the chat list: agent, title, preview, time, and number of unread messages. */
export const SessionRow = memo(function SessionRow(props: {
  session: Session;
  isActive: boolean;
  now: number;
  onLeave: () => Promise<void>;
}) {
  const { session, isActive } = props;
  const agent = useAgent(session.agent_key);
  const { task, answer } = useNewestTurn(session);
  const stepsBySeq = useStore((state) => state.steps[session.active_task?.id ?? ""]?.bySeq);
  const steps = useMemo(() => Object.values(stepsBySeq ?? {}), [stepsBySeq]);
  const pending = useOutgoingMessages(session.id);
  const draft = useDraft(session.id);
  const preview = describeSession({
    session,
    task,
    answer,
    steps,
    pending,
    draft: isActive ? "" : draft,
    nowMs: props.now,
  });
  const isUnread = session.unread_count > 0;
  const title = session.title || texts.sessions.untitled;
  const tone = {
    plain: isUnread ? "text-ink" : "text-ink-2",
    bad: "text-bad",
    live: "text-accent",
  };

  return (
    <li className="group relative mx-2">
      <Link
        to="/chat/$sessionId"
        params={{ sessionId: session.id }}
        data-row=""
        aria-current={isActive ? "page" : undefined}
        className={`grid grid-cols-[40px_minmax(0,1fr)] items-center gap-3 rounded-xl px-3 py-[9px] outline-offset-[-2px] transition-[background-color] duration-150 ${isActive ? "bg-surface shadow-low" : "hover:bg-hover active:bg-hover"}`}
      >
        <AgentAvatar agentKey={session.agent_key} name={agent?.name} avatar={agent?.avatar} />
        <span className="min-w-0">
          <span className="flex items-baseline gap-3">
            <span
              dir="auto"
              className={`min-w-0 flex-1 truncate text-left ${isUnread ? "font-[680]" : "font-[550]"}`}
            >
              {title}
            </span>
            <time
              dateTime={session.last_activity_at}
              title={formatExact(session.last_activity_at)}
              className="shrink-0 text-ink-3 text-small tabular-nums transition-opacity duration-100 [@media(hover:hover)]:group-focus-within:opacity-0 [@media(hover:hover)]:group-hover:opacity-0"
            >
              {formatListTime(session.last_activity_at, props.now)}
            </time>
          </span>
          <span className="flex items-center gap-2 [@media(hover:none)]:pr-7">
            <span
              dir="auto"
              className={`min-w-0 flex-1 truncate text-left text-note ${tone[preview.tone]}`}
            >
              {preview.text}
            </span>
            {isUnread && (
              <span className="min-w-5 shrink-0 rounded-full bg-accent px-1.5 text-center font-[620] text-accent-ink text-small leading-5 tabular-nums">
                <span aria-hidden="true">
                  {session.unread_count > 99 ? "99+" : session.unread_count}
                </span>
                <span className="sr-only">{texts.sessions.unread(session.unread_count)}</span>
              </span>
            )}
          </span>
        </span>
      </Link>
      <div className="reveal absolute top-1.5 right-1.5 [@media(hover:none)]:top-auto [@media(hover:none)]:right-0.5 [@media(hover:none)]:bottom-0">
        <SessionMenu
          session={session}
          onLeave={isActive ? props.onLeave : undefined}
          className="size-7! [@media(hover:none)]:size-10!"
        />
      </div>
    </li>
  );
});

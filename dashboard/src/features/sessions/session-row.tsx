import { Link } from "@tanstack/react-router";
import { Check, CircleAlert, SquareCheck } from "lucide-react";
import { type ComponentType, memo } from "react";
import { useAgent } from "@/api/agents";
import { useCanWrite } from "@/api/me";
import type { Session } from "@/api/models";
import { AgentAvatar } from "@/components/agent-avatar";
import { useDraft } from "@/drafts";
import { useOutgoingMessages } from "@/outbox/use-outbox";
import type { OpenRequest } from "@/stream/open-requests";
import { texts } from "@/texts";
import { formatExact, formatListTime } from "@/time";
import { LazySessionMenu } from "./lazy-session-menu";
import { useNewestSteps, useNewestTurn } from "./newest-turn";
import { describeSession } from "./session-preview";
import type { ChatView } from "./use-chat-view";
import { useIsUnseenFailure } from "./use-failures";
import { useLongPress } from "./use-long-press";

/** Shows a session's open permission request and lets the user answer it. */
export type RequestView = ComponentType<{ session: Session; request: OpenRequest }>;

const tones = { bad: "text-bad", live: "text-accent-strong", call: "text-warn" } as const;

interface RowProps {
  session: Session;
  isActive: boolean;
  now: number;
  /** The session's open permission request, if any. */
  request: OpenRequest | undefined;
  Request: RequestView;
  view: ChatView;
  /** Whether any row is selected, so that a click on a row selects it. */
  isSelecting: boolean;
  isSelected: boolean;
  /** Toggles the session, or selects all rows from the last toggled one to this one. */
  onSelect: (id: string, isRange: boolean) => void;
}

/**
 * A row in the chat list: agent, title, preview, time, number of unread messages, and the open
 * permission request.
 */
export const SessionRow = memo(function SessionRow(props: RowProps) {
  const { session, isActive, isSelected, isSelecting, request, Request, onSelect } = props;
  const { id } = session;
  const canWrite = useCanWrite();
  const longPress = useLongPress(() => canWrite && onSelect(id, false));
  const title = session.title || texts.sessions.untitled;

  function onClick(event: React.MouseEvent) {
    if (!canWrite || (!event.shiftKey && !isSelecting)) return;
    event.preventDefault();
    onSelect(id, event.shiftKey);
  }

  const look = isSelected
    ? "bg-accent-soft"
    : request
      ? "bg-warn-soft"
      : isActive
        ? "bg-selected shadow-low"
        : "hover:bg-hover active:bg-hover";
  return (
    <li
      className={`group relative mx-2 rounded-xl transition-[background-color] duration-150 ${look}`}
      {...longPress}
    >
      <Link
        to="/chat/$sessionId"
        params={{ sessionId: id }}
        data-row={id}
        aria-current={isActive ? "page" : undefined}
        onClick={onClick}
        className={`grid select-none grid-cols-[40px_minmax(0,1fr)] gap-3 rounded-xl px-3 py-1.5 pointer-coarse:py-[9px] outline-offset-[-2px] [-webkit-touch-callout:none] ${request ? "items-start" : "items-center"}`}
      >
        <RowContent {...props} title={title} />
      </Link>
      {/* The open chat shows the request itself. */}
      {request && !isActive && (
        <div className="ps-[64px] pe-3 pb-2.5">
          <Request session={session} request={request} />
        </div>
      )}
      {canWrite && (
        <>
          <label
            className={`absolute start-[11px] top-[5px] pointer-coarse:top-[8px] grid size-[42px] cursor-pointer place-items-center rounded-[13px] border border-line bg-surface has-focus-visible:outline-2 has-focus-visible:outline-accent ${isSelecting ? "" : "opacity-0 transition-opacity duration-100 focus-within:opacity-100 hover:opacity-100 [@media(hover:none)]:hidden"}`}
          >
            <input
              type="checkbox"
              aria-label={texts.selection.selectChat(title)}
              checked={isSelected}
              tabIndex={isSelecting ? 0 : -1}
              onChange={({ nativeEvent }) =>
                onSelect(id, nativeEvent instanceof MouseEvent && nativeEvent.shiftKey)
              }
              className="peer sr-only"
            />
            <span className="grid size-5 place-items-center rounded-md border border-ink-3 text-accent-ink peer-checked:border-accent peer-checked:bg-accent forced-colors:text-[CanvasText]">
              {isSelected && <Check size={14} strokeWidth={3} aria-hidden="true" />}
            </span>
          </label>
          <div className="reveal absolute end-1.5 top-1 [@media(hover:none)]:end-0.5 [@media(hover:none)]:top-7">
            <LazySessionMenu
              session={session}
              label={texts.actions.menuOf(title)}
              view={isActive ? props.view : undefined}
              items={[
                {
                  label: texts.selection.select,
                  icon: <SquareCheck size={16} strokeWidth={1.9} />,
                  onSelect: () => onSelect(id, false),
                },
              ]}
              className="size-7! [@media(hover:none)]:size-10!"
            />
          </div>
        </>
      )}
    </li>
  );
});

function RowContent(props: RowProps & { title: string }) {
  const { session, isActive } = props;
  const agent = useAgent(session.agent_key);
  const newest = useNewestTurn(session);
  const steps = useNewestSteps(session, newest.task);
  const pending = useOutgoingMessages(session.id);
  const draft = useDraft(session.id);
  const isFailed = useIsUnseenFailure(session, newest);
  const preview = describeSession({
    session,
    task: newest.task,
    answer: newest.answer,
    steps,
    pending,
    draft,
    isOpen: isActive,
    nowMs: props.now,
  });
  const isUnread = session.unread_count > 0;
  const isNews = isUnread || isFailed || props.request !== undefined;
  const tone =
    preview.tone === "plain" ? (isNews ? "text-ink" : "text-ink-2") : tones[preview.tone];
  return (
    <>
      <AgentAvatar agentKey={session.agent_key} name={agent?.name} avatar={agent?.avatar} />
      <span className="min-w-0">
        <span className="flex items-baseline gap-3 leading-[21px] pointer-coarse:leading-[23px]">
          <span
            dir="auto"
            className={`min-w-0 flex-1 truncate text-start rtl:text-right ${isNews ? "font-[680]" : "font-[550]"}`}
          >
            {props.title}
          </span>
          <time
            dateTime={session.last_activity_at}
            title={formatExact(session.last_activity_at)}
            className={`shrink-0 text-small tabular-nums transition-opacity duration-100 [@media(hover:hover)]:group-focus-within:opacity-0 [@media(hover:hover)]:group-hover:opacity-0 ${props.isSelected || props.request ? "text-ink-2" : "text-ink-3"}`}
          >
            {formatListTime(session.last_activity_at, props.now)}
          </time>
        </span>
        <span className="flex items-center gap-2 [@media(hover:none)]:pe-7">
          <span
            dir="auto"
            className={`min-w-0 flex-1 text-start text-note leading-[18px] pointer-coarse:leading-5 rtl:text-right ${props.request ? "[overflow-wrap:anywhere]" : "truncate"} ${tone}`}
          >
            {preview.text}
          </span>
          {isFailed && (
            <span className="grid shrink-0 place-items-center text-bad">
              <CircleAlert size={18} strokeWidth={2.4} aria-hidden="true" />
              <span className="sr-only">{texts.sessions.unseenFailure}</span>
            </span>
          )}
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
    </>
  );
}

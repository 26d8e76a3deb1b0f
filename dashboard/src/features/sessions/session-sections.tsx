import { useParams } from "@tanstack/react-router";
import type { Session } from "@/api/models";
import { useServerNow } from "@/stream/clock";
import type { OpenRequests } from "@/stream/open-requests";
import { groupSessions } from "./session-groups";
import { type RequestView, SessionRow } from "./session-row";
import { useChatView } from "./use-chat-view";

const MINUTE_MS = 60_000;

/** The rows of the chat list, in groups. */
export function SessionSections(props: {
  sessions: readonly Session[];
  isArchive: boolean;
  requests: OpenRequests;
  Request: RequestView;
  selected: ReadonlySet<string>;
  onSelect: (id: string, isRange: boolean) => void;
}) {
  const { requests, selected } = props;
  const now = useServerNow(MINUTE_MS);
  const view = useChatView();
  const { sessionId } = useParams({ strict: false });
  const groups = groupSessions(props.sessions, {
    isArchive: props.isArchive,
    isCalling: ({ id }) => requests[id] !== undefined,
    nowMs: now,
  });
  return groups.map((group) => (
    <section key={group.label} aria-label={group.label}>
      <h2
        className={`px-5 pt-3 pb-1 text-small ${group.isCalling ? "font-[650] text-warn" : "font-[550] text-ink-3"}`}
      >
        {group.label}
      </h2>
      <ul className="flex flex-col gap-px">
        {group.sessions.map((session) => (
          <SessionRow
            key={session.id}
            session={session}
            isActive={session.id === sessionId}
            now={now}
            request={requests[session.id]}
            Request={props.Request}
            view={view}
            isSelecting={selected.size > 0}
            isSelected={selected.has(session.id)}
            onSelect={props.onSelect}
          />
        ))}
      </ul>
    </section>
  ));
}

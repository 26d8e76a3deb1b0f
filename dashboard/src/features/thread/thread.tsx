import { ArrowDown } from "lucide-react";
import { Fragment, memo, useEffect, useMemo, useRef } from "react";
import type { Session } from "@/api/models";
import { AgentAvatar } from "@/components/agent-avatar";
import { TextButton } from "@/components/ui/button";
import { useOutgoing, withoutArrived } from "@/outbox/use-outbox";
import { listTurns } from "@/stream/order";
import type { Thread as ThreadState } from "@/stream/state";
import { texts } from "@/texts";
import { DayDivider, NewDivider } from "./dividers";
import { layOutTurns } from "./layout";
import { OutgoingBubble } from "./outgoing-bubble";
import { TurnView } from "./turn-view";
import { useMarkRead, useNewMarker } from "./use-reading";
import { useStickToBottom } from "./use-stick-to-bottom";
import { useOlderTurns } from "./use-thread";

/** Earlier messages are fetched when fewer pixels than this are left above. */
const FETCH_AHEAD_PX = 600;

export interface ThreadAgent {
  readonly key: string;
  readonly name: string;
  readonly avatar: string | undefined;
}

/** The transcript: everything that was said, what is being said, and what is on its way. */
export const Thread = memo(function Thread(props: {
  session: Session;
  messages: ThreadState["messages"];
  tasks: ThreadState["tasks"];
  hasMore: boolean;
  agent: ThreadAgent;
}) {
  const { session, messages, tasks, hasMore, agent } = props;
  const turns = listTurns(messages);
  const known = useMemo(() => Object.values(messages).map(({ value }) => value), [messages]);
  const newestSeq = known.reduce((max, message) => Math.max(max, message?.seq ?? 0), 0);
  const pending = useOutgoing(session.id);
  const outgoing = useMemo(() => withoutArrived(pending, known), [pending, known]);

  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const firstTurn = turns[0]?.turn;
  const { isAtBottom, toBottom, onScroll } = useStickToBottom(scroller, content, firstTurn);
  const newestSent = pending.at(-1)?.key;
  const marker = useNewMarker(session, newestSeq, newestSent);
  useMarkRead(session, newestSeq, isAtBottom);
  const rows = useMemo(() => layOutTurns(turns, tasks, marker), [turns, tasks, marker]);

  const older = useOlderTurns(session.id);
  function fetchOlder() {
    if (hasMore && !older.isPending && firstTurn !== undefined) older.mutate(firstTurn);
  }

  // What the user has just sent is always brought into view.
  useEffect(() => {
    if (newestSent) toBottom();
  }, [newestSent, toBottom]);

  const isEmpty = turns.length === 0 && outgoing.length === 0;
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        onScroll={() => {
          onScroll();
          const top = scroller.current?.scrollTop ?? 0;
          if (top < FETCH_AHEAD_PX && !older.isError) fetchOlder();
        }}
        className="h-full overflow-y-auto overflow-x-hidden overscroll-contain px-3.5 [overflow-anchor:none] md:px-6"
      >
        <div
          ref={content}
          role="log"
          aria-relevant="additions"
          aria-label={texts.thread.label(session.title || texts.sessions.untitled)}
          className="mx-auto flex min-h-full w-full max-w-[820px] flex-col justify-end gap-1 pt-2 pb-3"
        >
          {hasMore && (
            <p className="py-3 text-center text-ink-3 text-small">
              {older.isError ? texts.thread.olderFailed : texts.thread.older}{" "}
              {older.isError && <TextButton onClick={fetchOlder}>{texts.common.retry}</TextButton>}
            </p>
          )}
          {isEmpty && <EmptyThread agent={agent} />}
          {rows.map((row) => (
            <Fragment key={row.turn.turn}>
              {row.day && <DayDivider at={row.day} />}
              {row.isNewBefore === "turn" && <NewDivider />}
              <TurnView
                user={row.turn.user}
                answer={row.turn.answer}
                task={row.task}
                position={row.position}
                agentName={agent.name}
                hasNewAnswer={row.isNewBefore === "answer"}
              />
            </Fragment>
          ))}
          {outgoing.map((item) => (
            <OutgoingBubble key={item.key} item={item} />
          ))}
        </div>
      </div>
      {!isAtBottom && (
        <button
          type="button"
          aria-label={texts.thread.toBottom}
          onClick={() => toBottom("smooth")}
          className="-translate-x-1/2 absolute bottom-2 left-1/2 flex h-9 animate-rise items-center gap-2 rounded-full border border-line bg-surface px-3.5 font-[570] text-note shadow-high hover:border-line-strong"
        >
          <ArrowDown size={16} aria-hidden="true" />
          {session.unread_count > 0 && texts.thread.newMessages}
        </button>
      )}
    </div>
  );
});

function EmptyThread({ agent }: { agent: ThreadAgent }) {
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-3 py-10 text-center">
      <AgentAvatar agentKey={agent.key} name={agent.name} avatar={agent.avatar} size="large" />
      <p className="text-ink-2">{texts.thread.empty(agent.name)}</p>
    </div>
  );
}

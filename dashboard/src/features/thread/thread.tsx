import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Session } from "@/api/models";
import { AgentAvatar } from "@/components/agent-avatar";
import { TextButton } from "@/components/ui/button";
import { matchDelivered, outgoingKeyOf, useOutgoingMessages } from "@/outbox/use-outbox";
import type { Thread as ThreadState } from "@/stream/state";
import { listTurns } from "@/stream/turns";
import { texts } from "@/texts";
import { DayDivider, NewDivider } from "./dividers";
import { OutgoingBubble } from "./outgoing-bubble";
import { createRowKeys } from "./row-keys";
import type { ThreadAgent } from "./thread-agent";
import { buildTurnRows, type TurnRow } from "./turn-rows";
import { TurnView } from "./turn-view";
import { useMarkRead, useNewDivider } from "./use-read-state";
import { useOlderTurns } from "./use-thread";

/** The distance from the top of the thread at which older turns are fetched. */
const FETCH_AHEAD_PX = 1200;
/** The distance from the end at which the thread still counts as scrolled to its end. */
const NEAR_PX = 48;
/** The rounding error of the browser's scroll positions. */
const ROUNDING_PX = 2;
/** The estimated height of a turn that has not been measured. */
const TURN_PX = 220;
/** The space reserved for the note about loading earlier messages. */
const TOP_PX = 44;
const BOTTOM_PX = 12;

/** The thread of a session: its turns, the answer in progress, and pending messages. */
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
  const pending = useOutgoingMessages(session.id);
  const delivered = useMemo(() => matchDelivered(pending, known), [pending, known]);
  const outgoing = useMemo(() => {
    const keys = new Set(delivered.values());
    return pending.filter(({ key }) => !keys.has(key));
  }, [pending, delivered]);
  const [rowKeys] = useState(createRowKeys);

  const newestSent = pending.at(-1)?.key;
  const marker = useNewDivider(session, newestSeq, newestSent);
  // Turns that have not been fetched are included only in the session's counts.
  const openCount = hasMore ? session.queued_count + (session.active_task ? 1 : 0) : 0;
  const rows = useMemo(
    () => buildTurnRows(turns, tasks, marker, openCount),
    [turns, tasks, marker, openCount],
  );

  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const [isAtBottom, setAtBottom] = useState(true);
  useMarkRead(session, newestSeq, isAtBottom);
  const virtualizer = useVirtualizer({
    count: rows.length + outgoing.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => {
      const row = rows[index];
      if (row) return rowKeys.keyOf(row.turn, (id) => delivered.get(id) ?? outgoingKeyOf(id));
      return outgoing[index - rows.length]?.key ?? `gone-${index}`;
    },
    estimateSize: () => TURN_PX,
    overscan: 6,
    paddingStart: TOP_PX,
    paddingEnd: BOTTOM_PX,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: NEAR_PX,
  });

  const older = useOlderTurns(session.id);
  function fetchOlder() {
    if (hasMore && !older.isPending) older.mutate();
  }

  // A thread that is scrolled to its end stays there until the user scrolls up.
  const isHeld = useRef(true);
  const last = useRef({ scrollTop: 0, scrollHeight: 0, clientHeight: 0 });
  const checkEnd = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop, scrollHeight, clientHeight } = element;
    const distance = scrollHeight - scrollTop - clientHeight;
    if (distance <= ROUNDING_PX) isHeld.current = true;
    else if (distance < NEAR_PX && scrollTop >= last.current.scrollTop) isHeld.current = true;
    else if (
      scrollTop < last.current.scrollTop &&
      // If the thread shrinks or the view is resized, the position can change without the user
      // scrolling.
      scrollHeight >= last.current.scrollHeight &&
      clientHeight === last.current.clientHeight
    )
      isHeld.current = false;
    last.current = { scrollTop, scrollHeight, clientHeight };
    setAtBottom(isHeld.current || distance < NEAR_PX);
  }, []);
  // Measuring a turn can move the end closer without a scroll event.
  useEffect(checkEnd);

  function onScroll() {
    checkEnd();
    const top = scroller.current?.scrollTop ?? 0;
    if (top < FETCH_AHEAD_PX && !older.isError) fetchOlder();
  }

  function toBottom() {
    const isFar = virtualizer.getDistanceFromEnd() > 3 * (scroller.current?.clientHeight ?? 0);
    const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    virtualizer.scrollToEnd({ behavior: isFar || isCalm ? "instant" : "smooth" });
  }

  useLayoutEffect(() => virtualizer.scrollToEnd(), [virtualizer]);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      if (isHeld.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    if (content.current) observer.observe(content.current);
    return () => observer.disconnect();
  }, []);
  // Scroll to a message that the user has just sent.
  useLayoutEffect(() => {
    if (!newestSent) return;
    isHeld.current = true;
    virtualizer.scrollToEnd();
  }, [newestSent, virtualizer]);

  const items = virtualizer.getVirtualItems();
  const isEmpty = rows.length === 0 && outgoing.length === 0;
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        role="log"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be focusable.
        tabIndex={0}
        // Turns that are rendered because the user scrolls are not announced.
        aria-live={isAtBottom ? "polite" : "off"}
        aria-relevant="additions"
        aria-label={texts.thread.label(session.title || texts.sessions.untitled)}
        onScroll={onScroll}
        className="flex h-full flex-col overflow-y-auto overflow-x-hidden overscroll-contain px-3.5 outline-offset-[-2px] [overflow-anchor:none] md:px-6"
      >
        {isEmpty && <EmptyThread agent={agent} />}
        <div
          ref={content}
          style={{ height: virtualizer.getTotalSize() }}
          className={`relative mx-auto mt-auto w-full max-w-[820px] shrink-0 ${isEmpty ? "hidden" : ""}`}
        >
          {hasMore && (
            <p className="absolute inset-x-0 top-3 text-center text-ink-3 text-small">
              {older.isError ? texts.thread.loadEarlierFailed : texts.thread.loadingEarlier}{" "}
              {older.isError && <TextButton onClick={fetchOlder}>{texts.common.retry}</TextButton>}
            </p>
          )}
          <div
            style={{ transform: `translateY(${items[0]?.start ?? 0}px)` }}
            className="absolute inset-x-0 top-0"
          >
            {items.map(({ key, index }) => {
              const row = rows[index];
              const item = outgoing[index - rows.length];
              return (
                <div
                  key={key}
                  ref={virtualizer.measureElement}
                  data-index={index}
                  className="flex flex-col gap-1 pb-1"
                >
                  {row && <Row row={row} agent={agent} />}
                  {!row && item && <OutgoingBubble message={item} draftKey={session.id} />}
                </div>
              );
            })}
          </div>
        </div>
      </div>
      {!isAtBottom && (
        <button
          type="button"
          aria-label={
            session.unread_count > 0 ? texts.thread.newMessages : texts.thread.jumpToLatest
          }
          onClick={toBottom}
          className="-translate-x-1/2 absolute bottom-2 left-1/2 flex h-9 min-w-9 pointer-coarse:h-11 pointer-coarse:min-w-11 justify-center animate-rise items-center gap-2 rounded-full border border-line bg-surface px-3.5 font-[570] text-note shadow-high hover:border-line-strong"
        >
          <ArrowDown size={16} aria-hidden="true" />
          {session.unread_count > 0 && texts.thread.newMessages}
        </button>
      )}
    </div>
  );
});

function Row({ row, agent }: { row: TurnRow; agent: ThreadAgent }) {
  return (
    <>
      {row.day && <DayDivider at={row.day} />}
      {row.isNewBefore === "turn" && <NewDivider />}
      <TurnView
        user={row.turn.user}
        answer={row.turn.answer}
        task={row.task}
        position={row.position}
        agent={agent}
        hasNewAnswer={row.isNewBefore === "answer"}
      />
    </>
  );
}

function EmptyThread({ agent }: { agent: ThreadAgent }) {
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-3 py-10 text-center">
      <AgentAvatar agentKey={agent.key} name={agent.name} avatar={agent.avatar} size="large" />
      <p className="text-ink-2">{texts.thread.empty(agent.name)}</p>
    </div>
  );
}

import { useVirtualizer } from "@tanstack/react-virtual";
import { lazy, memo, Suspense, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Session } from "@/api/models";
import { AgentAvatar } from "@/components/agent-avatar";
import { hasAnyModifier } from "@/keyboard";
import { matchDelivered, outgoingKeyOf, useOutgoingMessages } from "@/outbox/use-outbox";
import type { Thread as ThreadState } from "@/stream/state";
import { listTurns } from "@/stream/turns";
import { texts } from "@/texts";
import { Announcer } from "./announcer";
import { Changes } from "./changes/changes";
import { DayDivider } from "./dividers";
import { Files } from "./files/files";
import { FindInChat } from "./find/find-in-chat";
import { OutgoingBubble } from "./message/outgoing-bubble";
import { PagesNote } from "./pages-note";
import { useFullRendering } from "./print";
import { Questions } from "./questions/questions";
import { createRowKeys } from "./row-keys";
import { JumpButton } from "./scroll/jump-button";
import { CONTEXT_PX, goTo } from "./scroll/navigation";
import type { Position } from "./scroll/positions";
import { useGoTo } from "./scroll/use-go-to";
import { useNearbyTurns } from "./scroll/use-nearby-turns";
import { useOpeningPlace } from "./scroll/use-opening-place";
import { useMarkSeen, useNewDivider } from "./scroll/use-read-state";
import { useSavedPosition } from "./scroll/use-saved-position";
import { NEAR_PX, useThreadScroll } from "./scroll/use-thread-scroll";
import type { ThreadAgent } from "./thread-agent";
import { ThreadRow } from "./thread-row";
import { buildTurnRows, type TurnRow } from "./turn-rows";
import { useSteadyPress } from "./use-steady-press";

const ForkOrigin = lazy(async () => ({ default: (await import("./fork-origin")).ForkOrigin }));

/** The estimated height of a turn that has not been measured. */
const TURN_PX = 220;
/** The space reserved for the note about loading earlier messages. */
const TOP_PX = 44;

/** Returns whether a row contains only a message that waits for its turn, or to be sent. */
const isWaiting = (row: TurnRow | undefined) => !row || row.position > 0;

/** The thread of a session: its turns, the answer in progress, and pending messages. */
export const Thread = memo(function Thread(props: {
  session: Session;
  /** Whether the thread is shown from a copy because it has not been fetched. */
  isCopy: boolean;
  messages: ThreadState["messages"];
  tasks: ThreadState["tasks"];
  hasMore: boolean;
  firstTurn: number;
  excerpt: ThreadState["excerpt"];
  agent: ThreadAgent;
}) {
  const { session, isCopy, messages, tasks, hasMore, firstTurn, excerpt, agent } = props;
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
  const marker = useNewDivider(session, newestSeq, newestSent, isCopy);
  // Turns that have not been fetched are included only in the session's counts.
  const openCount = hasMore ? session.queued_count + (session.active_task ? 1 : 0) : 0;
  const gapTurn = excerpt ? firstTurn : 0;
  const rows = useMemo(
    () => buildTurnRows(turns, tasks, marker, openCount, gapTurn, agent.key),
    [turns, tasks, marker, openCount, gapTurn, agent.key],
  );
  const newestAnswer = turns.findLast(({ answer }) => answer !== null)?.answer ?? null;
  const newTurn = rows.find(({ isNewBefore }) => isNewBefore !== null)?.turn.turn ?? null;

  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isStill = useRef(false);
  const keyOf = (index: number) => {
    const row = rows[index];
    if (row) return rowKeys.keyOf(row.turn, (id) => delivered.get(id) ?? outgoingKeyOf(id));
    return outgoing[index - rows.length]?.key ?? `gone-${index}`;
  };
  const virtualizer = useVirtualizer<HTMLDivElement, Element>({
    count: rows.length + outgoing.length,
    getScrollElement: () => scroller.current,
    getItemKey: keyOf,
    estimateSize: () => TURN_PX,
    overscan: 6,
    paddingStart: TOP_PX,
    anchorTo: "end",
    scrollEndThreshold: isStill.current ? -1 : NEAR_PX,
    scrollToFn: (...write) => scroll.scrollTo(...write),
  });
  const scroll = useThreadScroll({
    ...{ scroller, content, virtualizer, isStill },
    findIndex: (turn) => {
      const index = rows.findIndex((row) => row.turn.turn >= turn);
      return index < 0 ? rows.length - 1 : index;
    },
  });
  const { isAtEnd, isHeld, moveTo } = scroll;
  useSteadyPress(scroller);

  const place = useOpeningPlace({ session, newTurn, isCopy, isHeld });
  const [isOpen, setOpen] = useState(false);
  if (isOpen && !place) setOpen(false);
  useLayoutEffect(() => {
    if (isOpen || !place) return;
    moveTo(place);
    setOpen(true);
  }, [isOpen, place, moveTo]);

  const pages = useNearbyTurns({
    ...{ sessionId: session.id, isEnabled: isOpen, scroller, virtualizer, rows },
    ...{ hasMore, firstTurn, excerpt },
  });
  useGoTo(session.id, moveTo);
  // Scroll to a message that the user has just sent.
  useLayoutEffect(() => {
    if (newestSent) moveTo({ kind: "end" });
  }, [newestSent, moveTo]);

  const items = virtualizer.getVirtualItems();
  useMarkSeen({ session, newestSeq, isOpen, isAtEnd, rows, scroller, virtualizer });

  /** Returns the turn at the top of the view and its position. */
  function findTop(): Position | null {
    const top = scroller.current?.scrollTop ?? 0;
    const item = virtualizer.getVirtualItems().find(({ end }) => end > top);
    const row = rows[item?.index ?? -1];
    return item && row ? { turn: row.turn.turn, offset: item.start - top } : null;
  }
  const findPosition = () => (isAtEnd ? null : findTop());
  useSavedPosition(session.id, findPosition);
  const isPrinting = useFullRendering(() => {
    const position = findPosition();
    return () => moveTo(position ? { kind: "turn", ...position } : { kind: "end" });
  });

  function onScroll() {
    scroll.check();
    pages.fetchNearby();
  }

  function onKeyDown(event: React.KeyboardEvent) {
    const kind = ({ Home: "start", End: "end" } as const)[event.key];
    if (!kind || event.target !== scroller.current || hasAnyModifier(event)) return;
    event.preventDefault();
    goTo({ kind });
  }

  function toEnd() {
    const isFar = virtualizer.getDistanceFromEnd() > 3 * (scroller.current?.clientHeight ?? 0);
    const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (isFar || isCalm) moveTo({ kind: "end" });
    else virtualizer.scrollToEnd({ behavior: "smooth" });
  }

  const top = (virtualizer.scrollOffset ?? 0) + CONTEXT_PX;
  const topRow = rows[items.find(({ end }) => end > top)?.index ?? rows.length - 1];
  const isEmpty = rows.length === 0 && outgoing.length === 0;
  const hasOlder = excerpt ? excerpt.first > 0 : hasMore;
  const shown = isPrinting
    ? Array.from({ length: rows.length + outgoing.length }, (_, index) => index)
    : items.map(({ index }) => index);
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        role="log"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be focusable.
        tabIndex={0}
        // Turns that are rendered because the user scrolls are not announced.
        aria-live={isAtEnd ? "polite" : "off"}
        aria-relevant="additions"
        aria-label={texts.thread.label(session.title || texts.sessions.untitled)}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        className={`flex h-full flex-col overflow-y-auto overflow-x-hidden overscroll-contain px-3.5 outline-offset-[-2px] [overflow-anchor:none] md:px-6 ${isOpen ? "" : "invisible"}`}
      >
        {isEmpty && <EmptyThread agent={agent} />}
        <div
          ref={content}
          style={{ height: isPrinting ? "auto" : virtualizer.getTotalSize() }}
          className={`relative mx-auto w-full max-w-[820px] shrink-0 ${isEmpty ? "hidden" : ""}`}
        >
          {hasOlder && (
            <PagesNote
              isError={pages.isError}
              onRetry={pages.retry}
              className="absolute inset-x-0 top-3 print:hidden"
            />
          )}
          <div
            // A transform would move sticky headers.
            style={isPrinting ? {} : { top: items[0]?.start ?? 0 }}
            className={isPrinting ? "" : "absolute inset-x-0"}
          >
            {shown.map((index) => {
              const row = rows[index];
              const item = outgoing[index - rows.length];
              return (
                <div
                  key={keyOf(index)}
                  ref={isPrinting ? null : virtualizer.measureElement}
                  data-index={index}
                  data-turn={row?.turn.turn}
                  className={`flex flex-col gap-1 ${isWaiting(row) ? "pb-1" : "pb-6"}`}
                >
                  {row?.isAfterGap && (
                    <PagesNote isError={pages.isError} onRetry={pages.retry} className="py-3" />
                  )}
                  {index === 0 && !hasOlder && session.forked_from && (
                    <Suspense>
                      <ForkOrigin origin={session.forked_from} />
                    </Suspense>
                  )}
                  {row && <ThreadRow row={row} agent={agent} />}
                  {/* The first message of a chat does not move when it gets its day. */}
                  {index === 0 && item && (
                    <DayDivider at={new Date(item.createdAt).toISOString()} />
                  )}
                  {!row && item && <OutgoingBubble message={item} draftKey={session.id} />}
                </div>
              );
            })}
          </div>
        </div>
      </div>
      <Announcer answer={newestAnswer} agentName={agent.name} isActive={isOpen && isAtEnd} />
      <FindInChat
        sessionId={session.id}
        isMarkdown={agent.format !== "text"}
        findVisibleTurn={() => findTop()?.turn ?? 0}
      />
      <Files sessionId={session.id} />
      <Changes sessionId={session.id} />
      <Questions sessionId={session.id} visibleTurn={topRow?.turn.turn ?? 0} />
      {isOpen && !isAtEnd && <JumpButton unreadCount={session.unread_count} onClick={toEnd} />}
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

import type { Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useRef, useState } from "react";
import { ApiError, client } from "@/api/client";
import type { Session } from "@/api/models";
import { usePageFocus } from "@/page-focus";
import type { TurnRow } from "../turn-rows";

/** The delay before a retry. */
const RETRY_MS = 3000;

const NOTHING_NEW = Number.POSITIVE_INFINITY;

/** The minimum time between two requests, so that scrolling does not send one per answer. */
const SEND_INTERVAL_MS = 250;

/** The part of a turn below the end of its answer: the answer's time and its buttons. */
const BELOW_ANSWER_PX = 40;

/**
 * Returns the `seq` of the last answer whose end is above `bottom`, or 0 if there is none. `items`
 * are the rendered rows.
 */
export function findSeenSeq(
  rows: readonly TurnRow[],
  items: readonly { index: number; end: number }[],
  bottom: number,
): number {
  const item = items.findLast(
    ({ index, end }) => rows[index]?.turn.answer && end - BELOW_ANSWER_PX <= bottom,
  );
  return rows[item?.index ?? -1]?.turn.answer?.seq ?? 0;
}

/** Marks a session as read up to the last answer whose end has been visible. */
export function useMarkSeen(props: {
  session: Session;
  newestSeq: number;
  /** Whether the thread is at the place at which it opens. */
  isOpen: boolean;
  isAtEnd: boolean;
  rows: readonly TurnRow[];
  scroller: RefObject<HTMLElement | null>;
  virtualizer: Virtualizer<HTMLDivElement, Element>;
}): void {
  const { session, newestSeq, isOpen, isAtEnd, rows, scroller, virtualizer } = props;
  const hasFocus = usePageFocus();
  const readSeq = session.last_read_seq;
  const [seenSeq, setSeenSeq] = useState(0);
  const [knownReadSeq, setKnownReadSeq] = useState(readSeq);
  if (knownReadSeq !== readSeq) {
    setKnownReadSeq(readSeq);
    // The chat was marked as unread, so only answers that are still visible count as seen.
    if (readSeq < knownReadSeq) setSeenSeq(readSeq);
  }
  // Scrolling renders the thread again.
  useEffect(() => {
    const element = scroller.current;
    if (!element || !isOpen || !hasFocus || session.unread_count === 0) return;
    const bottom = element.scrollTop + element.clientHeight;
    const seen = isAtEnd ? newestSeq : findSeenSeq(rows, virtualizer.getVirtualItems(), bottom);
    setSeenSeq((known) => Math.max(known, seen));
  });
  useMarkRead(session, seenSeq);
}

/** Marks a session as read up to `seenSeq`. */
function useMarkRead(session: Session, seenSeq: number): void {
  const posted = useRef(0);
  const postedAt = useRef(0);
  const [failures, setFailures] = useState(0);
  const { id, unread_count, last_read_seq } = session;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a failure triggers a retry.
  useEffect(() => {
    // The session may have been marked as unread in the meantime.
    if (last_read_seq < posted.current) posted.current = last_read_seq;
    if (unread_count === 0) return;
    if (seenSeq <= last_read_seq || seenSeq <= posted.current) return;
    const send = () => {
      posted.current = seenSeq;
      postedAt.current = Date.now();
      client
        .POST("/v1/chat/{id}/read", { params: { path: { id } }, body: { seq: seenSeq } })
        .catch((error: unknown) => {
          posted.current = 0;
          if (error instanceof ApiError && !error.isTransient) return;
          setTimeout(() => setFailures((count) => count + 1), RETRY_MS);
        });
    };
    const wait = postedAt.current + SEND_INTERVAL_MS - Date.now();
    if (wait <= 0) return send();
    const timer = setTimeout(send, wait);
    return () => clearTimeout(timer);
  }, [id, unread_count, last_read_seq, seenSeq, failures]);
}

/**
 * Returns the `seq` after which the "New" divider is shown, or infinity if there is no divider. If
 * there are unread messages when the thread is opened, or when a copy of it is replaced by the
 * fetched thread, the divider is above them. Sending a message removes the divider. If everything
 * has been read, the divider moves to the end when the page loses the focus, and is removed when
 * the page regains it.
 */
export function useNewDivider(
  session: Session,
  newestSeq: number,
  newestSent: string | undefined,
  isCopy: boolean,
): number {
  const hasFocus = usePageFocus();
  const isAllRead = session.unread_count === 0;
  const [known, setKnown] = useState({ hasFocus, newestSent, isCopy });
  const [marker, setMarker] = useState(isAllRead ? NOTHING_NEW : session.last_read_seq);
  if (known.isCopy !== isCopy) {
    setKnown({ ...known, isCopy });
    setMarker(isAllRead ? NOTHING_NEW : session.last_read_seq);
  }
  if (known.hasFocus !== hasFocus || known.newestSent !== newestSent) {
    setKnown({ hasFocus, newestSent, isCopy });
    if (newestSent && known.newestSent !== newestSent) setMarker(NOTHING_NEW);
    else if (isAllRead) setMarker(hasFocus ? NOTHING_NEW : newestSeq);
  }
  return marker;
}

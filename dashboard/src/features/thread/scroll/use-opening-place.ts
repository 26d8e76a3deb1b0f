import { useEffect, useState } from "react";
import type { Session } from "@/api/models";
import type { Thread } from "@/stream/state";
import { listTurns } from "@/stream/turns";
import { loadOlderTurns, loadTurn } from "../turn-pages";
import type { Place } from "./navigation";
import { readPosition } from "./positions";

/** A chat with more unread turns opens at the first one of this many. */
const MAX_UNREAD_TURNS = 1000;
/** The distance from the top of the view to the "New" divider. */
const NEW_PX = 96;

/** Returns whether the first unread answer has been fetched. */
function hasFirstUnread(thread: Thread, readSeq: number): boolean {
  const newest = listTurns(thread.messages).filter(({ turn }) => turn >= thread.firstTurn);
  if (newest.length >= MAX_UNREAD_TURNS) return true;
  return newest.some(({ answer }) => answer !== null && answer.seq <= readSeq);
}

const findNewDivider = (row: Element) =>
  row.querySelector("[data-new-divider]")?.getBoundingClientRect() ?? null;

/**
 * Returns the place at which a chat opens, or null until its turns have been fetched: the "New"
 * divider if there are unread answers, or else the place where the user left it in this tab.
 *
 * When a thread that was shown from a copy has been fetched, the chat opens again if the copy or the
 * fetched thread has unread answers, unless the user has scrolled in the copy.
 */
export function useOpeningPlace(props: {
  session: Session;
  /** The turn with the "New" divider, or null. */
  newTurn: number | null;
  /** Whether the thread is shown from a copy. */
  isCopy: boolean;
  /** Whether the thread is where it was opened, or at its end. */
  isHeld: boolean;
}): Place | null {
  const { session, newTurn, isCopy, isHeld } = props;
  const { id, last_read_seq: readSeqNow } = session;
  const isUnreadNow = session.unread_count > 0;
  const [opened, setOpened] = useState(() => ({
    isUnread: isUnreadNow,
    readSeq: readSeqNow,
    position: readPosition(id),
  }));
  const { isUnread, position } = opened;
  const [isLoading, setLoading] = useState(isUnread || position !== null);
  const [wasCopy, setWasCopy] = useState(isCopy);
  if (wasCopy !== isCopy) {
    setWasCopy(isCopy);
    if (isHeld && (isUnread || isUnreadNow)) {
      const left = isUnreadNow ? null : position;
      setOpened({ isUnread: isUnreadNow, readSeq: readSeqNow, position: left });
      setLoading(true);
    }
  }
  useEffect(() => {
    let isCurrent = true;
    // The end is always fetched.
    const fetched = opened.isUnread
      ? loadOlderTurns(id, (thread) => hasFirstUnread(thread, opened.readSeq))
      : loadTurn(id, opened.position?.turn ?? Number.POSITIVE_INFINITY);
    // If the turns cannot be fetched, the chat opens as near to the place as possible.
    void fetched.catch(() => {}).then(() => isCurrent && setLoading(false));
    return () => {
      isCurrent = false;
    };
  }, [id, opened]);

  if (isLoading) return null;
  if (isUnread)
    return newTurn === null
      ? { kind: "end" }
      : { kind: "turn", turn: newTurn, offset: NEW_PX, findTarget: findNewDivider };
  return position ? { kind: "turn", ...position } : { kind: "end" };
}

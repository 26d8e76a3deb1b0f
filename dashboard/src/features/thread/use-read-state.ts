import { useEffect, useRef, useState } from "react";
import { ApiError, client } from "@/api/client";
import type { Session } from "@/api/models";
import { usePageFocus } from "@/page-focus";

/** The delay before a retry. */
const RETRY_MS = 3000;

const NOTHING_NEW = Number.POSITIVE_INFINITY;

/** Marks a session as read while its newest message is visible and the page has the focus. */
export function useMarkRead(session: Session, newestSeq: number, isAtBottom: boolean): void {
  const hasFocus = usePageFocus();
  const posted = useRef(0);
  const [failures, setFailures] = useState(0);
  const { id, unread_count, last_read_seq } = session;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a failure triggers a retry.
  useEffect(() => {
    // The session may have been marked as unread in the meantime.
    if (last_read_seq < posted.current) posted.current = last_read_seq;
    if (!hasFocus || !isAtBottom || unread_count === 0) return;
    if (newestSeq <= last_read_seq || newestSeq <= posted.current) return;
    posted.current = newestSeq;
    client
      .POST("/v1/chat/{id}/read", {
        params: { path: { id } },
        body: { seq: newestSeq },
      })
      .catch((error: unknown) => {
        posted.current = 0;
        if (error instanceof ApiError && !error.isTransient) return;
        setTimeout(() => setFailures((count) => count + 1), RETRY_MS);
      });
  }, [id, unread_count, last_read_seq, newestSeq, isAtBottom, hasFocus, failures]);
}

/**
 * Returns the `seq` after which the "New" divider is shown, or infinity if there is no divider. If
 * there are unread messages when the thread is opened, the divider is above them. Sending a message
 * removes the divider. If everything has been read, the divider moves to the end when the page
 * loses the focus, and is removed when the page regains it.
 */
export function useNewDivider(
  session: Session,
  newestSeq: number,
  newestSent: string | undefined,
): number {
  const hasFocus = usePageFocus();
  const isAllRead = session.unread_count === 0;
  const [known, setKnown] = useState({ hasFocus, newestSent });
  const [marker, setMarker] = useState(isAllRead ? NOTHING_NEW : session.last_read_seq);
  if (known.hasFocus !== hasFocus || known.newestSent !== newestSent) {
    setKnown({ hasFocus, newestSent });
    if (newestSent && known.newestSent !== newestSent) setMarker(NOTHING_NEW);
    else if (isAllRead) setMarker(hasFocus ? NOTHING_NEW : newestSeq);
  }
  return marker;
}

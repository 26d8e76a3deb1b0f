import type { Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect } from "react";
import type { TurnRange } from "@/stream/state";
import type { PageBound } from "@/stream/turn-range";
import { useTurnPages } from "../turn-pages";
import type { TurnRow } from "../turn-rows";

/** The distance from the view at which more turns are fetched. */
const FETCH_AHEAD_PX = 1200;

/** Fetches the turns next to the visible ones. */
export function useNearbyTurns(props: {
  sessionId: string;
  isEnabled: boolean;
  scroller: RefObject<HTMLElement | null>;
  virtualizer: Virtualizer<HTMLDivElement, Element>;
  rows: readonly TurnRow[];
  hasMore: boolean;
  firstTurn: number;
  excerpt: TurnRange | null;
}) {
  const { scroller, virtualizer, rows, firstTurn, excerpt } = props;
  const pages = useTurnPages(props.sessionId);

  /** Returns the page that is next to the visible turns, or null if it is far or fetched. */
  function findNextPage(): PageBound | null {
    const element = scroller.current;
    if (!element || !props.hasMore) return null;
    const top = element.scrollTop;
    const bottom = top + element.clientHeight;
    if (excerpt) {
      const index = rows.findIndex(({ isAfterGap }) => isAfterGap);
      const gap = virtualizer.measurementsCache[index]?.start ?? 0;
      if (top >= gap) return top - gap < FETCH_AHEAD_PX ? { before: firstTurn } : null;
      if (gap - bottom < FETCH_AHEAD_PX) return { after: excerpt.last };
      return top < FETCH_AHEAD_PX && excerpt.first > 0 ? { before: excerpt.first } : null;
    }
    return top < FETCH_AHEAD_PX ? { before: firstTurn } : null;
  }

  function fetchNearby() {
    if (!props.isEnabled || pages.isPending || pages.isError) return;
    const bound = findNextPage();
    if (bound) pages.mutate(bound);
  }

  useEffect(fetchNearby);
  return {
    fetchNearby,
    isError: pages.isError,
    retry: () => pages.variables && pages.mutate(pages.variables),
  };
}

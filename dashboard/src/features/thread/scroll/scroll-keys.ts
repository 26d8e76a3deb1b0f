import { goTo } from "./navigation";

/** The distance that an arrow key scrolls. */
const LINE_PX = 40;
/** The height of the part of the view that stays visible when scrolling by a page. */
const OVERLAP_PX = 48;

/**
 * Scrolls the thread as the key would if the thread had the focus. Returns false if the key does
 * not scroll or no thread is shown.
 */
export function scrollThread(key: string): boolean {
  const log = document.querySelector('main [role="log"]');
  if (!log) return false;
  const kind = ({ Home: "start", End: "end" } as const)[key];
  if (kind) {
    goTo({ kind });
    return true;
  }
  const page = log.clientHeight - OVERLAP_PX;
  const distances: Readonly<Record<string, number>> = {
    ArrowUp: -LINE_PX,
    ArrowDown: LINE_PX,
    PageUp: -page,
    PageDown: page,
  };
  const distance = distances[key];
  if (distance === undefined) return false;
  log.scrollBy({ top: distance, behavior: "instant" });
  return true;
}

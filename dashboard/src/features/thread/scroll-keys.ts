/** How far an arrow key scrolls. */
const LINE_PX = 40;
/** How much of the view stays in sight when a page is turned. */
const OVERLAP_PX = 48;

/** Scrolls the conversation as the key would if the conversation had the focus. */
export function scrollThread(key: string): boolean {
  const log = document.querySelector('main [role="log"]');
  if (!log) return false;
  const page = log.clientHeight - OVERLAP_PX;
  const distances: Readonly<Record<string, number>> = {
    ArrowUp: -LINE_PX,
    ArrowDown: LINE_PX,
    PageUp: -page,
    PageDown: page,
    Home: -log.scrollHeight,
    End: log.scrollHeight,
  };
  const distance = distances[key];
  if (distance === undefined) return false;
  log.scrollBy({ top: distance, behavior: "instant" });
  return true;
}

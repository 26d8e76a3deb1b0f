/** How long after the first view the parts that are needed later are loaded. */
const DELAY_MS = 1500;

/**
 * Loads the dialogs and other parts that are not needed for the first view. They then open without a
 * delay, also while the device is offline or after the server was updated. Returns a function that
 * cancels this. If loading fails, opening the part tries again.
 */
export function preloadLater(): () => void {
  const timer = setTimeout(() => {
    void import("./later-parts").then(({ loadLaterParts }) => loadLaterParts()).catch(() => {});
  }, DELAY_MS);
  return () => clearTimeout(timer);
}

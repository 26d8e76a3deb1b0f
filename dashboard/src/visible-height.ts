/**
 * Tracks the visible height of the page on devices whose keyboard covers the page instead of
 * resizing it.
 */
import { isTouchOnly } from "./keyboard";

/** Keeps `--visible-height` up to date, so that the composer remains above the keyboard. */
export function followVisibleHeight(): void {
  const { visualViewport } = window;
  if (!visualViewport || !isTouchOnly()) return;
  visualViewport.addEventListener("resize", () => {
    // Multiplying by the scale cancels out the effect of zooming.
    const height = Math.round(visualViewport.height * visualViewport.scale);
    document.documentElement.style.setProperty("--visible-height", `${height}px`);
    // Undo the browser's scroll to the focused field.
    if (visualViewport.scale === 1) window.scrollTo(0, 0);
  });
}

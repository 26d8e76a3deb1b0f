/** The page's height on a device whose keyboard lies over the page instead of shrinking it. */
import { isTouchOnly } from "./keyboard";

/** Keeps `--visible-height` at what can be seen, so that the composer stands above the keyboard. */
export function followVisibleHeight(): void {
  const { visualViewport } = window;
  if (!visualViewport || !isTouchOnly()) return;
  visualViewport.addEventListener("resize", () => {
    // Who has zoomed in sees less of the page, which is as high as before.
    const height = Math.round(visualViewport.height * visualViewport.scale);
    document.documentElement.style.setProperty("--visible-height", `${height}px`);
    // To show the field the browser has scrolled the page, which has nothing to scroll.
    if (visualViewport.scale === 1) window.scrollTo(0, 0);
  });
}

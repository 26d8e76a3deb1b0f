/** Checks of a view's layout. */

/**
 * Returns layout problems: a page wider than the screen, controls that are off-screen and cannot be
 * scrolled into view, and, for touch screens, controls that are not high enough.
 */
export function findLayoutProblems(view, { isTouched }) {
  return view.evaluate((hasTouch) => {
    const TOUCH_TARGET_PX = 40;
    const controls = "a, button, input:not(.sr-only), textarea, summary, label, [role=option]";
    /** Returns the height of a control's touch target, which may extend beyond the control. */
    function heightOf(control) {
      const around = getComputedStyle(control, "::after");
      const more = around.position === "absolute" ? -2 * Number.parseFloat(around.top) : 0;
      return control.getBoundingClientRect().height + Math.max(0, more || 0);
    }
    /** Returns whether the user can scroll something that contains the element. */
    function canScroll(element) {
      for (let around = element; around; around = around.parentElement) {
        const { overflowY } = getComputedStyle(around);
        const scrolls = overflowY === "auto" || overflowY === "scroll";
        if (scrolls && around.scrollHeight > around.clientHeight) return true;
      }
      return false;
    }
    const { clientWidth: width, clientHeight: height, scrollWidth } = document.documentElement;
    const problems = scrollWidth > width ? [`the page is ${scrollWidth} px wide`] : [];
    for (const control of document.querySelectorAll(controls)) {
      const { left, right, top, bottom, width: own } = control.getBoundingClientRect();
      if (own === 0 || !control.checkVisibility()) continue;
      const html = control.outerHTML.slice(0, 160);
      if (left < 0 || right > width + 0.5) problems.push(`off-screen: ${html}`);
      if ((top < 0 || bottom > height + 0.5) && !canScroll(control))
        problems.push(`cannot be scrolled into view: ${html}`);
      const hasRoom = control.parentElement.closest(".markdown, label") !== null;
      if (hasTouch && !hasRoom && heightOf(control) < TOUCH_TARGET_PX - 0.5)
        problems.push(`${heightOf(control)} px high: ${html}`);
    }
    return problems;
  }, isTouched);
}

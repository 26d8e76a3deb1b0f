/** Uses a view with only the Tab key, and reports what is missing. */

/** More presses than any view has elements, so a walk that does not end is a failure. */
const MAX_PRESSES = 500;

/** Defines what the walk needs on the page. */
function prepareWalk() {
  const CONTROLS = 'a[href], button, input, textarea, select, summary, [tabindex="0"]';
  const isShown = (element) =>
    element.checkVisibility({ visibilityProperty: true }) && !element.closest("[inert]");
  /** Returns whether one element of a group is in the tab order, and arrow keys reach the others. */
  const isInGroup = (element) =>
    element.closest("[role=menu], [role=listbox], [role=radiogroup], [role=tablist]") !== null ||
    (element.type === "radio" && element.name !== "");
  // A dialog can be above another one.
  const modal = [...document.querySelectorAll("dialog:modal")].at(-1);
  const wanted = [...document.querySelectorAll(CONTROLS)].filter(
    (control) =>
      isShown(control) &&
      !control.disabled &&
      !isInGroup(control) &&
      (!modal || modal.contains(control)),
  );
  const visited = new Set();
  /** Describes how an element and what is around it look. */
  function lookOf(element) {
    const near = [element, element.nextElementSibling];
    for (
      let around = element.parentElement;
      around && near.length < 6;
      around = around.parentElement
    )
      near.push(around);
    return near
      .filter(Boolean)
      .flatMap((one) => ["", "::before", "::after"].map((part) => getComputedStyle(one, part)))
      .map((style) =>
        [
          "outline",
          "boxShadow",
          "borderColor",
          "backgroundColor",
          "color",
          "opacity",
          "textDecoration",
        ]
          .map((property) => style[property])
          .join(),
      );
  }
  const htmlOf = (element) => element.outerHTML.slice(0, 160);
  const isSame = (a, b) => a.every((part, index) => part === b[index]);
  // What these do can also be done with the row's menu and with a key.
  const isForMouse = (element) => element.matches("nav li input, [data-question-map] button");
  const findMissing = () =>
    wanted.filter(
      (control) =>
        control.isConnected && isShown(control) && !visited.has(control) && !isForMouse(control),
    );
  let focused = null;
  /** The number of presses since an element had the focus for the first time. */
  let repeats = 0;
  const problems = [];
  window.walk = {
    /** Looks at the element that has the focus now. Returns whether the walk goes on. */
    step() {
      const before = focused;
      const active = document.activeElement;
      if (before && before.element !== active && before.element.isConnected) {
        const isUnmarked = isSame(before.look, lookOf(before.element));
        if (isUnmarked) problems.push(`the focus is not visible: ${htmlOf(before.element)}`);
      }
      if (active === document.body || visited.has(active)) {
        focused = null;
        repeats += 1;
        return repeats < 2 || (repeats <= visited.size + 1 && findMissing().length > 0);
      }
      repeats = 0;
      visited.add(active);
      focused = { element: active, look: lookOf(active) };
      const shown = active.getBoundingClientRect().width > 2 ? active : active.parentElement;
      const { top, bottom, left, right } = shown.getBoundingClientRect();
      const isInView =
        bottom > 0 && top < window.innerHeight && right > 0 && left < window.innerWidth;
      if (!isInView) problems.push(`the focus is off-screen: ${htmlOf(active)}`);
      return true;
    },
    end(isEnded) {
      if (!isEnded) problems.push("the walk does not end");
      problems.push(...findMissing().map((control) => `not reached by Tab: ${htmlOf(control)}`));
      return problems;
    },
  };
}

/**
 * Presses Tab until every element had the focus. Returns problems: controls that are not reached,
 * and elements whose focus is off-screen or not visible.
 */
export async function findKeyboardProblems(view) {
  await view.evaluate(prepareWalk);
  let presses = 0;
  do {
    await view.keyboard.press("Tab");
    presses += 1;
  } while ((await view.evaluate(() => window.walk.step())) && presses < MAX_PRESSES);
  return view.evaluate((isEnded) => window.walk.end(isEnded), presses < MAX_PRESSES);
}

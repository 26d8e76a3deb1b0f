/** Locators and actions that the browser tests use in chats. */
import assert from "node:assert/strict";

/** The maximum time to wait for an answer. */
export const ANSWER_MS = 90_000;

export const composer = (page) => page.getByRole("textbox", { name: "Message" });
export const thread = (page) => page.getByRole("log");
export const live = (page) => page.locator("[data-live]");
/** The receipt of the newest message, after it was answered. */
export const answered = (page) => thread(page).getByText(/^Answered$/);
/** The answers that are finished. */
export const finished = (page) => thread(page).locator("[data-finished]");
/** The buttons that retry a turn or an unsent message. */
export const retryButtons = (page) => thread(page).getByRole("button", { name: "Retry" });

/** Waits until the element has the focus, so that it receives key presses. */
export const focused = (page, target) => target.and(page.locator(":focus")).waitFor();

export async function send(page, text) {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

/** Opens a new chat with the demo agent, which must be the only agent, and sends a message. */
export async function startChat(page, text) {
  await page.goto("/new");
  await send(page, text);
  await page.waitForURL(/\/chat\/[0-9a-f-]{36}$/);
}

/** Opens a new chat with the agent and sends a message. */
export async function startChatWith(page, { key, name }, text) {
  await page.goto(`/new?agent=${key}`);
  await page.getByRole("radio", { name, exact: true }).waitFor({ state: "attached" });
  await send(page, text);
  await page.waitForURL(/\/chat\/[0-9a-f-]{36}$/);
}

/** Returns the open chat's row in the chat list. */
export function row(page) {
  const { pathname } = new URL(page.url());
  return page.getByRole("navigation").locator(`a[href="${pathname}"]`);
}

/** Chooses an item from the open chat's menu. */
export async function chooseFromMenu(page, item) {
  await page.locator("main header").getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

/** Returns whether an element of the locator is in the visible part of the thread. */
export const isInView = (target) =>
  target.evaluateAll(async (elements) => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return elements.some((element) => {
      // An element that was removed in the meantime is not visible either.
      if (!element.checkVisibility({ visibilityProperty: true })) return false;
      const view = element.closest('[role="log"]').getBoundingClientRect();
      const { top, bottom } = element.getBoundingClientRect();
      return top >= view.top && bottom <= view.bottom;
    });
  });

/** Waits until the element is in the visible part of the thread. */
export async function waitUntilInView(target) {
  const deadline = Date.now() + ANSWER_MS;
  while (Date.now() < deadline) if (await isInView(target)) return;
  assert.fail(`${target} is not in view`);
}

/** Waits until the element shows the text. Elements that are not rendered yet show none. */
export async function waitForShownText(target, text) {
  const deadline = Date.now() + ANSWER_MS;
  let shown;
  while (Date.now() < deadline) {
    shown = await target.innerText();
    if (shown === text) return;
    await target.page().waitForTimeout(50);
  }
  assert.equal(shown, text);
}

/** Waits until the current match of the find bar has the text and is in view. */
export const waitForMatch = (page, text) =>
  page.waitForFunction((wanted) => {
    const [range] = CSS.highlights.get("find-current") ?? [];
    if (range?.toString() !== wanted) return false;
    const view = document.querySelector('[role="log"]').getBoundingClientRect();
    const { top, bottom } = range.getBoundingClientRect();
    return top >= view.top && bottom <= view.bottom;
  }, text);

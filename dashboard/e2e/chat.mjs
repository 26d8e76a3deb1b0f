/** What a person does and sees in a chat, for the browser tests. */

/** How long an answer may take. */
export const ANSWER_MS = 90_000;

export const composer = (page) => page.getByRole("textbox", { name: "Message" });
export const thread = (page) => page.getByRole("log");
export const live = (page) => page.locator("[data-live]");
export const answered = (page) => thread(page).getByText(/^Answered$/);
/** The buttons by which a turn is answered again, or a text that did not leave is sent again. */
export const retries = (page) => thread(page).getByRole("button", { name: "Retry" });

/** Until the element has the focus: a key that is pressed before goes elsewhere. */
export const focused = (page, target) => target.and(page.locator(":focus")).waitFor();

export async function send(page, text) {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

/** Opens a new chat with the demo agent, the only one there, and sends the first message. */
export async function say(page, text) {
  await page.goto("/new");
  await send(page, text);
  await page.waitForURL(/\/chat\/[0-9a-f-]{36}$/);
}

/** The open chat's row in the list. */
export function row(page) {
  const { pathname } = new URL(page.url());
  return page.getByRole("navigation").locator(`a[href="${pathname}"]`);
}

/** Chooses from the menu in the open chat's header. */
export async function choose(page, item) {
  await page.locator("main header").getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

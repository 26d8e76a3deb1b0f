import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANSWER_MS,
  answered,
  composer,
  focused,
  isInView,
  row,
  startChat,
  thread,
  waitUntilInView,
} from "./chat.mjs";
import { TURNS, waitForEnd, withHistory } from "./long-history.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const SMALL = { context: { viewport: { width: 900, height: 500 } } };

/** Creates a chat. Returns its path and a function that sends a message and awaits the answer. */
async function createChat(page, title) {
  const data = { agent_key: "demo", title };
  const { id } = await (await page.request.post("/v1/chat", { data })).json();
  const send = async (content, wait = 60) => {
    const sent = await page.request.post(`/v1/chat/${id}/messages?wait=${wait}`, {
      data: { content },
    });
    assert.ok(sent.ok(), await sent.text());
  };
  return { id, path: `/chat/${id}`, send };
}

/** Returns the distance from the top of the thread to the top of an element. */
const distanceFromTop = async (page, target) =>
  (await target.boundingBox()).y - (await thread(page).boundingBox()).y;

test("a chat opens at the first unread answer and is read while scrolling", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const { id, path, send } = await createChat(page, "Unread");
    for (let number = 1; number <= 60; number += 1)
      await send(`/echo Answer ${number}`, number === 60 ? 60 : 0);
    await page.request.post(`/v1/chat/${id}/read`, { data: { seq: 8 } });

    await page.goto(path);
    const divider = thread(page).getByText("New", { exact: true });
    await waitUntilInView(divider);
    const top = await distanceFromTop(page, divider);
    assert.ok(top > 40 && top < 180, `the divider is ${top} px below the top`);
    const pill = page.getByRole("button", { name: /^\d+ new messages$/ });
    await pill.waitFor();
    const unread = async () => Number.parseInt((await pill.textContent()) ?? "", 10);
    const before = await unread();
    assert.ok(before > 40, `${before} unread answers`);

    await thread(page).evaluate((log) => log.scrollBy({ top: 600 }));
    await page.waitForFunction((count) => {
      const shown = [...document.querySelectorAll("main button")].find((one) =>
        / new messages$/.test(one.textContent ?? ""),
      );
      return shown && Number.parseInt(shown.textContent, 10) < count;
    }, before);
    assert.ok((await unread()) > 30, "the answers below are still unread");
    await row(page)
      .getByText(/unread messages/)
      .waitFor({ state: "attached" });

    await pill.click();
    await waitForEnd(page);
    await row(page)
      .getByText(/unread/)
      .waitFor({ state: "detached" });
    await pill.waitFor({ state: "detached" });
  }, SMALL);
});

test("a chat opens at the first unread answer even if it was not fetched", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const session = { unread_count: 100, last_read_seq: 2 * (TURNS - 100) };
    await withHistory(page, { session });

    const divider = thread(page).getByText("New", { exact: true });
    await waitUntilInView(divider);
    const question = thread(page).getByText(`Question ${TURNS - 99}`, { exact: true });
    const [above, below] = [await divider.boundingBox(), await question.boundingBox()];
    assert.ok(above.y < below.y && below.y - above.y < 120, "the divider precedes the question");
  }, SMALL);
});

test("a chat opens where it was left, and at its end after that was reached", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const first = await createChat(page, "First");
    for (let number = 1; number <= 20; number += 1)
      await first.send(`/echo Answer ${number}`, number === 20 ? 60 : 0);
    const second = await createChat(page, "Second");
    const open = (chat) => page.getByRole("navigation").locator(`a[href="${chat.path}"]`).click();
    await page.goto(first.path);
    await page.getByRole("button", { name: /new messages/ }).click();
    await waitForEnd(page);
    await row(page)
      .getByText(/unread/)
      .waitFor({ state: "detached" });

    const question = thread(page).getByText("/echo Answer 8", { exact: true });
    await thread(page).evaluate((log) => log.scrollTo({ top: 800 }));
    await question.evaluate((element) => element.scrollIntoView({ block: "center" }));
    await waitUntilInView(question);
    const place = await distanceFromTop(page, question);
    await open(second);
    await thread(page).getByText("Send Demo a message").waitFor();
    await open(first);
    await waitUntilInView(question);
    assert.ok(Math.abs((await distanceFromTop(page, question)) - place) < 3, "after switching");
    await page.reload();
    await waitUntilInView(question);
    assert.ok(Math.abs((await distanceFromTop(page, question)) - place) < 3, "after a reload");

    await composer(page).press("End");
    await waitForEnd(page);
    await open(second);
    await thread(page).getByText("Send Demo a message").waitFor();
    await open(first);
    await thread(page).getByText("Answer 20").first().waitFor();
    await waitForEnd(page);
  }, SMALL);
});

test("Home and End reach the ends of a long chat with one key press", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    let pages = 0;
    await withHistory(page, {
      gate: async () => {
        pages += 1;
      },
    });
    await focused(page, composer(page));
    await waitForEnd(page);

    for (const target of [composer(page), thread(page)]) {
      await target.press("Home");
      await waitUntilInView(thread(page).getByText("Question 1", { exact: true }));
      assert.equal(await thread(page).evaluate((log) => log.scrollTop), 0);
      await target.press("End");
      await waitUntilInView(thread(page).getByText("/echo hello", { exact: true }));
      await waitForEnd(page);
    }
    assert.ok(pages < 6, `${pages} pages were fetched`);

    // The turns after the first page are fetched when they are scrolled to.
    await composer(page).press("Home");
    await waitUntilInView(thread(page).getByText("Question 1", { exact: true }));
    await thread(page).hover();
    const target = thread(page).getByText("Question 120", { exact: true });
    const note = thread(page).getByText("Loading messages…");
    const deadline = Date.now() + ANSWER_MS;
    while (!(await target.isVisible())) {
      assert.ok(Date.now() < deadline, "turn 120 was not reached");
      // Scrolling on would pass turns that have not been fetched yet.
      if (!(await isInView(note))) await page.mouse.wheel(0, 400);
    }
  }, SMALL);
});

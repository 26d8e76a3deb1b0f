import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANSWER_MS,
  answered,
  composer,
  focused,
  live,
  send,
  startChat,
  thread,
  waitForMatch,
} from "./chat.mjs";
import { TURNS, withHistory } from "./long-history.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const SMALL = { context: { viewport: { width: 1400, height: 600 } } };

const bar = (page) => page.getByRole("search", { name: "Find in chat" });
const field = (page) => bar(page).getByRole("textbox", { name: "Find in chat" });

/** Waits until the bar shows a status. */
const status = (page, text) => bar(page).getByText(text, { exact: true }).waitFor();

/** Simulates the api's search in the history, whose question with the number N is "Question N". */
async function answerSearches(page, queries) {
  await page.route("**/v1/search?*", (route) => {
    const q = new URL(route.request().url()).searchParams.get("q");
    queries.push(q);
    const number = Number(/^"question (\d+)"$/i.exec(q)?.[1]);
    const items = Array.from({ length: TURNS }, (_, index) => TURNS - index)
      .filter((turn) => number && String(turn).startsWith(String(number)))
      .map((turn) => ({
        turn,
        role: "user",
        message_id: `user-${turn}`,
        snippet: "",
        highlights: [],
      }));
    return route.fulfill({ json: { items, next_cursor: null } });
  });
}

test("the find bar finds text in all turns of a chat", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const queries = [];
    await answerSearches(page, queries);
    await withHistory(page);
    await focused(page, composer(page));

    await page.keyboard.press("Control+KeyF");
    await focused(page, field(page));
    // 499 is in turns that were not fetched, and 4990 to 4999 in turns that were.
    await page.keyboard.type("QUESTION 499");
    await bar(page)
      .getByText(/of 11$/)
      .waitFor();
    assert.equal(queries.at(-1), '"QUESTION 499"');
    const found = await bar(page)
      .getByText(/of 11$/)
      .innerText();
    for (let number = Number.parseInt(found, 10); number > 1; number -= 1) {
      await page.keyboard.press("Shift+Enter");
      await status(page, `${number - 1} of 11`);
    }
    await waitForMatch(page, "Question 499");
    await thread(page).getByText("Question 499", { exact: true }).waitFor();
    await thread(page).getByText("Question 498", { exact: true }).waitFor();
    await page.keyboard.press("Enter");
    await status(page, "2 of 11");
    await waitForMatch(page, "Question 499");
    await thread(page).getByText("Question 4990", { exact: true }).waitFor();

    await page.keyboard.type("zzz");
    await status(page, "No matches");
    await page.keyboard.press("Escape");
    await bar(page).waitFor({ state: "detached" });
    await focused(page, composer(page));
    assert.equal(await page.evaluate(() => CSS.highlights.has("find")), false);
  }, SMALL);
});

test("the server finds text in turns that were not fetched", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const { id } = await (
      await page.request.post("/v1/chat", { data: { agent_key: "demo" } })
    ).json();
    const post = (content, wait) =>
      page.request.post(`/v1/chat/${id}/messages?wait=${wait}`, { data: { content } });
    await post("/echo a Needle in a haystack", 0);
    for (let number = 1; number <= 55; number += 1) await post(`/echo Answer ${number}`, 0);
    await post("/echo the end", 60);
    await page.request.post(`/v1/chat/${id}/read`, { data: { seq: 1000 } });

    await page.goto(`/chat/${id}`);
    await thread(page).getByText("the end", { exact: true }).waitFor();
    assert.equal(await thread(page).getByText("Needle").count(), 0);
    await page.keyboard.press("Control+KeyF");
    await field(page).fill("needle  in");
    await bar(page)
      .getByText(/^[12] of 2$/)
      .waitFor();
    await waitForMatch(page, "Needle in");
  }, SMALL);
});

test(
  "the find bar steps through the matches in a message, and Esc only closes it",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page }) => {
      await startChat(page, "/echo one fish, two fish and some **red** fish");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      await send(page, "/slow 600");
      await live(page).waitFor({ timeout: ANSWER_MS });

      await page.keyboard.press("Control+KeyF");
      await field(page).fill("fish");
      await status(page, "1 of 2");
      const current = () =>
        page.evaluate(() => {
          const [range] = CSS.highlights.get("find-current") ?? [];
          const text = range?.startContainer.textContent ?? "";
          return (
            range && {
              before: text.slice(0, range.startOffset),
              count: CSS.highlights.get("find").size,
            }
          );
        });
      assert.deepEqual(await current(), { before: "/echo one ", count: 6 });
      await field(page).press("Enter");
      assert.deepEqual(await current(), { before: "/echo one fish, two ", count: 6 });
      await field(page).fill("some red fish");
      await status(page, "1 of 1");
      await waitForMatch(page, "some red fish");

      // Pressed again, the key opens the browser's own find bar.
      const isPrevented = (key) =>
        field(page).evaluate((element, name) => {
          const init = { key: name, ctrlKey: true, bubbles: true, cancelable: true };
          return !element.dispatchEvent(new KeyboardEvent("keydown", init));
        }, key);
      assert.equal(await isPrevented("f"), false);

      await field(page).press("Escape");
      await bar(page).waitFor({ state: "detached" });
      assert.equal(await live(page).count(), 1, "answers in progress");
      await page.keyboard.press("Escape");
      await thread(page).getByRole("button", { name: "Continue" }).waitFor();
    }, SMALL);
  },
);

test("the list of questions moves the thread to any question", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await withHistory(page);
    await focused(page, composer(page));

    await page.keyboard.press("Control+KeyJ");
    const dialog = page.getByRole("dialog", { name: "Questions in this chat" });
    await dialog.getByText("/echo hello", { exact: true }).waitFor();
    await page.keyboard.type("question 1234");
    await dialog.getByRole("option", { name: "Question 1234", selected: true }).waitFor();
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await thread(page).getByText("Question 1234", { exact: true }).waitFor();
    await thread(page).getByText("Question 1233", { exact: true }).waitFor();

    // The ticks at the side represent the questions that were fetched.
    const ticks = page.locator("[data-question-map] button");
    await ticks.first().hover();
    await page
      .locator("[data-question-map]")
      .getByText(/^Question \d+$/)
      .first()
      .waitFor();
    await ticks.last().click();
    await thread(page)
      .getByText("Question 4999", { exact: true })
      .or(thread(page).getByText("/echo hello", { exact: true }))
      .first()
      .waitFor();
  }, SMALL);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, finished, focused, row, send, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

/** Lets the test control whether the page has the focus. */
function controlFocus(page) {
  return page.addInitScript(() => {
    let hasFocus = true;
    document.hasFocus = () => hasFocus;
    window.setFocus = (next) => {
      hasFocus = next;
      window.dispatchEvent(new Event(next ? "focus" : "blur"));
    };
  });
}

test("an answer is marked as read only when the page has the focus", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await controlFocus(page);
    await startChat(page, "/echo hello");
    await finished(page).waitFor({ timeout: ANSWER_MS });
    await send(page, "/echo focused");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await page.evaluate(() => window.setFocus(false));
    const divider = thread(page).getByText("New", { exact: true });
    assert.equal(await divider.count(), 0);

    await send(page, "/echo unfocused");
    await finished(page).nth(2).waitFor({ timeout: ANSWER_MS });
    await row(page).getByText("1 unread message").waitFor();
    await page.waitForFunction(() => document.title.startsWith("(1) "));

    await page.evaluate(() => window.setFocus(true));
    await row(page).getByText("1 unread message").waitFor({ state: "detached" });
    await page.waitForFunction(() => !document.title.startsWith("("));
  });
});

test(
  "the New divider precedes the first answer that arrived while the chat was closed",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page }) => {
      const session = await (
        await page.request.post("/v1/chat", { data: { agent_key: "demo" } })
      ).json();
      const sendMessage = async (content) => {
        const path = `/v1/chat/${session.id}/messages?wait=60`;
        assert.equal((await page.request.post(path, { data: { content } })).status(), 200);
      };
      await sendMessage("/echo one");
      await sendMessage("/echo two");

      await page.goto(`/chat/${session.id}`);
      const divider = thread(page).getByText("New", { exact: true });
      await divider.waitFor();
      const tops = [];
      for (const text of ["/echo one", "New", "two"])
        tops.push((await thread(page).getByText(text, { exact: true }).boundingBox()).y);
      assert.deepEqual(
        tops,
        tops.toSorted((a, b) => a - b),
      );
      await row(page)
        .getByText(/unread/)
        .waitFor({ state: "detached" });
      await divider.waitFor();

      await send(page, "/echo three");
      await divider.waitFor({ state: "detached" });
      await finished(page).nth(2).waitFor({ timeout: ANSWER_MS });
    });
  },
);

test("unread answers of chats beyond the loaded list are counted", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const make = async (title) =>
      (await page.request.post("/v1/chat", { data: { agent_key: "demo", title } })).json();
    const old = await make("Old news");
    for (const content of ["/echo one", "/echo two"]) {
      const path = `/v1/chat/${old.id}/messages?wait=60`;
      assert.equal((await page.request.post(path, { data: { content } })).status(), 200);
    }
    for (let number = 0; number < 50; number += 1) await make(`Chat ${number}`);

    await page.goto("/new");
    const list = page.getByRole("navigation");
    await list.getByText("Chat 49").waitFor();
    await page.waitForFunction(() => document.title.startsWith("(2) "));
    assert.equal(await list.getByText("Old news").count(), 0, "rows of the old chat");

    await list.getByRole("button", { name: "Show more" }).press("Enter");
    const found = list.getByRole("link", { name: "Old news" });
    await focused(page, found);
    await found.press("Enter");
    await page.waitForFunction(() => document.title === "Old news · Banter");
  });
});

test("marking a chat as read is retried after a failure", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    let tries = 0;
    await page.route("**/v1/chat/*/read", (route) => {
      tries += 1;
      return tries < 3 ? route.abort() : route.continue();
    });
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    await row(page).getByText("1 unread message").waitFor();
    await row(page).getByText("1 unread message").waitFor({ state: "detached" });
    assert.equal(tries, 3);
  });
});

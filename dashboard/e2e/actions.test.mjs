import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANSWER_MS,
  answered,
  chooseFromMenu,
  composer,
  finished,
  live,
  retryButtons,
  row,
  send,
  startChat,
  thread,
} from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

test("Stop keeps the text so far, and Retry replaces it", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 8");
    await live(page).waitFor({ timeout: ANSWER_MS });

    await page.getByRole("button", { name: "Stop" }).click();

    const retry = retryButtons(page);
    await retry.waitFor();
    await live(page).waitFor({ state: "detached" });
    assert.equal(await page.locator("[data-answer]").count(), 1, "answers after Stop");

    await retry.click();

    await answered(page).waitFor({ timeout: ANSWER_MS });
    await live(page).waitFor({ state: "detached" });
    assert.equal(await page.locator("[data-answer]").count(), 1, "answers after Retry");
  });
});

test("a failed turn shows the reason and can be retried", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/fail");
    await thread(page).getByText("Failed", { exact: true }).waitFor({ timeout: ANSWER_MS });
    await page.getByRole("navigation").getByText("Failed: ").waitFor();
    await thread(page).getByText("The agent refused the request.").waitFor();

    const retry = retryButtons(page);
    const isTaken = (one) => one.url().endsWith("/retry") && one.status() === 202;
    const taken = page.waitForResponse(isTaken);
    await retry.dblclick();
    // If two requests were sent, the response to the other one may be a 409.
    await taken;

    await thread(page).getByText("The agent refused the request.").waitFor({ timeout: ANSWER_MS });
    await thread(page).getByText("Failed", { exact: true }).waitFor();
    const failure = page.getByText(/already been answered|still working/);
    assert.equal(await failure.count(), 0, "errors about a repeated retry");
    await composer(page).waitFor();
  });
});

test("the list item of a sent message stays mounted when it is accepted", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    let respond = () => {};
    const held = new Promise((resolve) => {
      respond = resolve;
    });
    await page.route("**/v1/chat/*/messages", async (route) => {
      await held;
      await route.continue();
    });
    await send(page, "queued");
    const item = thread(page).locator("[data-index]").last();
    await item.getByText("Sending").waitFor();
    const element = await item.elementHandle();

    respond();

    await item.getByText("Queued #1").waitFor();
    assert.ok(await element.evaluate((node) => node.isConnected));
    await page.getByRole("button", { name: "Stop" }).click();
  });
});

test("queued messages can be edited and removed", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    // The answer is stopped below. It is long enough not to end before that, even on a slow
    // machine.
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await send(page, "/echo second");
    await send(page, "third");
    await thread(page).getByText("Queued #2").waitFor();

    await page.getByRole("button", { name: "Edit" }).first().click();
    const field = page.getByRole("textbox", { name: "Edit queued message" });
    await field.fill("/echo second, changed");
    await field.press("Enter");
    await thread(page).getByText("/echo second, changed", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Remove" }).last().click();
    await thread(page).getByText("third", { exact: true }).waitFor({ state: "detached" });

    await page.getByRole("button", { name: "Stop" }).click();

    await answered(page).waitFor({ timeout: ANSWER_MS });
    await live(page).waitFor({ state: "detached" });
    const texts = await page.locator("[data-answer]").allTextContents();
    assert.equal(texts.length, 2, "the stopped answer and the answer to the edited message");
    assert.match(texts[1] ?? "", /second, changed$/);
  });
});

test("a message written offline is sent once after reconnecting", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    await page.context().setOffline(true);
    await send(page, "written offline");
    const note = thread(page).getByText("Waiting to send");
    await note.waitFor();
    const colorOf = (target) => target.evaluate((element) => getComputedStyle(element).color);
    const neutral = await colorOf(thread(page).locator("time").first());
    assert.equal(await colorOf(note), neutral, "waiting is not an error");
    await page.context().setOffline(false);

    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    assert.equal(await thread(page).getByText("written offline", { exact: true }).count(), 1);
  });
});

test("a reload sends pending messages and keeps the draft", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const posts = "**/v1/chat/*/messages";
    await page.route(posts, (route) => route.abort());
    await send(page, "pending");
    await thread(page).getByText("Waiting to send").waitFor();
    await composer(page).fill("half a thought");

    await page.unroute(posts);
    await page.reload();

    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    assert.equal(await thread(page).getByText("pending", { exact: true }).count(), 1);
    assert.equal(await composer(page).inputValue(), "half a thought");
  });
});

test(
  "a chat can be renamed, pinned, marked as unread, archived, restored, and deleted",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page }) => {
      await startChat(page, "hello");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      const chat = page.url();

      await chooseFromMenu(page, /^Rename/);
      await page.getByRole("textbox", { name: "Title" }).fill("A better name");
      await page.getByRole("button", { name: "Save" }).click();
      await row(page).getByText("A better name").waitFor();

      await chooseFromMenu(page, "Pin");
      await page.getByRole("region", { name: "Pinned" }).getByText("A better name").waitFor();

      await chooseFromMenu(page, "Mark as unread");
      await page.getByText("1 unread message").waitFor();
      await page.goto(chat);
      await page.getByText("1 unread message").waitFor({ state: "detached" });

      await chooseFromMenu(page, "Archive");
      await page.getByText("Chat archived").waitFor();
      await page.getByText("All chats are archived").waitFor();
      await page.goto(chat);
      await page.getByRole("button", { name: "Restore" }).click();
      await composer(page).waitFor();
      await row(page).waitFor();

      await chooseFromMenu(page, /^Delete/);
      await page.getByRole("button", { name: "Delete", exact: true }).click();
      await page.getByText("Chat deleted").waitFor();
      await page.goto(chat);
      await page.getByText("Chat not found").waitFor();
    });
  },
);

test("two windows of a user show the same answers", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const other = await page.context().newPage();
    await other.goto(page.url());
    await answered(other).waitFor();

    await send(page, "/slow 600");

    await live(other).waitFor({ timeout: ANSWER_MS });
    await other.getByRole("button", { name: "Stop" }).click();
    for (const window of [page, other]) await retryButtons(window).waitFor({ timeout: ANSWER_MS });
    await live(other).waitFor({ state: "detached" });
    assert.equal(await other.locator("[data-answer]").count(), 2);
  });
});

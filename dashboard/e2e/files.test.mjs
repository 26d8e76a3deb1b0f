import assert from "node:assert/strict";
import { test } from "node:test";
import { attach, drawImage, uploaded } from "./attachments.mjs";
import { findAll } from "./axe.mjs";
import {
  ANSWER_MS,
  answered,
  chooseFromMenu,
  composer,
  finished,
  focused,
  send,
  startChat,
  thread,
  waitUntilInView,
} from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const panel = (page) => page.getByRole("dialog", { name: "Files in this chat" });
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** Opens a chat in which the first turn has an image and a text file, and the second one a returned file. */
async function createChat(page) {
  await page.goto("/new");
  await composer(page).waitFor();
  const image = await drawImage(page, "wide.png", 1600, 600, "#4338ca");
  const notes = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("Notes") };
  await attach(page, image, notes);
  await uploaded(page, "wide.png").waitFor();
  await uploaded(page, "notes.txt").waitFor();
  await composer(page).fill("/markdown");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.waitForURL(/\/chat\//);
  await answered(page).waitFor({ timeout: ANSWER_MS });
  await composer(page).fill("/file");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
}

test("the files of a chat are listed, opened, and shown in the chat", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await createChat(page);
    await chooseFromMenu(page, "Files in this chat…");
    await panel(page).getByRole("heading", { name: "Images" }).waitFor();
    const names = panel(page).getByRole("link", { name: /^Download / });
    assert.deepEqual(await names.evaluateAll((links) => links.map((link) => link.ariaLabel)), [
      "Download squares.csv",
      "Download notes.txt",
    ]);
    assert.deepEqual(await findAll(page), []);

    await panel(page).getByRole("link", { name: "wide.png" }).click();
    await page.getByRole("dialog", { name: "wide.png" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "wide.png" }).waitFor({ state: "detached" });
    await focused(page, panel(page).getByRole("link", { name: "wide.png" }));

    const [download] = await Promise.all([page.waitForEvent("download"), names.first().click()]);
    assert.equal(download.suggestedFilename(), "squares.csv");

    await panel(page).getByRole("button", { name: "Show wide.png in chat" }).press("Enter");
    await panel(page).waitFor({ state: "detached" });
    await waitUntilInView(thread(page).getByRole("img", { name: "wide.png" }));
  });
});

test("on a phone, the list of files fits the screen", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await createChat(page);
      await chooseFromMenu(page, "Files in this chat…");
      await panel(page).getByRole("heading", { name: "Other files" }).waitFor();
      const overflow = await panel(page).evaluate(
        (dialog) => dialog.scrollWidth - dialog.clientWidth,
      );
      assert.equal(overflow, 0);
      assert.deepEqual(await findAll(page), []);
      await panel(page).getByRole("button", { name: "Show notes.txt in chat" }).tap();
      await waitUntilInView(thread(page).getByText("notes.txt"));
    },
    { context: phone },
  );
});

test("older files are loaded on request, and an empty list says so", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo one");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await chooseFromMenu(page, "Files in this chat…");
    await panel(page).getByText("No files yet").waitFor();
    await page.keyboard.press("Escape");

    await send(page, "/file");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await send(page, "/file");
    await finished(page).nth(2).waitFor({ timeout: ANSWER_MS });
    await page.route(/\/attachments(\?|$)/, (route) => {
      const url = new URL(route.request().url());
      url.searchParams.set("limit", "1");
      return route.continue({ url: url.href });
    });
    await chooseFromMenu(page, "Files in this chat…");
    const links = panel(page).getByRole("link", { name: "Download squares.csv" });
    await links.first().waitFor();
    assert.equal(await links.count(), 1);
    await panel(page).getByRole("button", { name: "Show older files" }).click();
    await links.nth(1).waitFor();
    await panel(page)
      .getByRole("button", { name: "Show older files" })
      .waitFor({ state: "detached" });

    await page.keyboard.press("Escape");
    await page.unroute(/\/attachments(\?|$)/);
    await page.route(/\/attachments(\?|$)/, (route) => route.fulfill({ status: 400, json: {} }));
    await page.reload();
    await finished(page).nth(2).waitFor();
    await chooseFromMenu(page, "Files in this chat…");
    await panel(page).getByText("Couldn’t load the files.").waitFor();
    await page.unroute(/\/attachments(\?|$)/);
    await panel(page).getByRole("button", { name: "Retry" }).click();
    await links.nth(1).waitFor();
  });
});

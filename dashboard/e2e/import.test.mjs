import assert from "node:assert/strict";
import { test } from "node:test";
import { findAll } from "./axe.mjs";
import { composer } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

const file = (content) => ({
  name: "conversations.json",
  mimeType: "application/json",
  buffer: Buffer.from(content),
});

/** Opens the import dialog from the settings. */
async function openImport(page) {
  // Before, a phone shows the chat list for a moment.
  await composer(page).waitFor();
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Import chats…" }).click();
  const dialog = page.getByRole("dialog", { name: "Import chats" });
  await dialog.getByRole("button", { name: "Choose file" }).waitFor();
  return dialog;
}

const choose = (dialog, chosen) => dialog.locator('input[type="file"]').setInputFiles(chosen);

/** Responds to imports with the lines. */
const respond = (page, lines) =>
  page.route("**/v1/import", (route) =>
    route.fulfill({
      contentType: "application/x-ndjson",
      body: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    }),
  );

test("the summary lists the chats that could not be imported", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const failed = Array.from({ length: 120 }, (_, index) => ({
      source: `chatgpt:${index}`,
      reason: "It has no messages.",
    }));
    await respond(page, [
      { type: "progress", done: 10, total: null },
      { type: "result", imported: 1200, skipped: 3, failed },
    ]);
    await page.goto("/");
    const dialog = await openImport(page);
    assert.deepEqual(await findAll(page), []);

    await choose(dialog, file("[]"));

    await dialog.getByText("1,200 imported, 3 skipped, 120 failed").waitFor();
    await dialog.getByText("Skipped chats already exist or were imported before.").waitFor();
    assert.equal(await dialog.getByText("It has no messages.").count(), 100);
    await dialog.getByText("20 more").waitFor({ state: "attached" });
    assert.deepEqual(await findAll(page), []);
    await dialog.getByRole("button", { name: "Import another file" }).click();
    await dialog.getByRole("button", { name: "Choose file" }).waitFor();
  });
});

test("an import can be canceled, and continued later", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.route("**/v1/import", () => {});
    await page.goto("/");
    const dialog = await openImport(page);
    await choose(dialog, file("[]"));
    await dialog.getByRole("progressbar").waitFor();
    assert.deepEqual(await findAll(page), []);

    await dialog.getByRole("button", { name: "Cancel" }).click();

    await dialog.getByText(/^Import canceled\./).waitFor();
    await dialog.getByRole("button", { name: "Choose file" }).waitFor();
  });
});

test("the dialog says why nothing can be imported", TIMEOUT, async () => {
  await withTestApp(
    async ({ page, context, server }) => {
      await page.goto("/");
      const dialog = await openImport(page);

      await context.setOffline(true);
      await dialog.getByText("You’re offline. Reconnect to import.").waitFor();
      assert.ok(await dialog.getByRole("button", { name: "Choose file" }).isDisabled());
      await context.setOffline(false);
      await dialog
        .getByRole("button", { name: "Choose file" })
        .and(page.locator(":enabled"))
        .waitFor();
      server.network.down(true);
      await choose(dialog, file("[]"));

      await dialog.getByText("Can’t reach the server. Try again in a moment.").waitFor();
    },
    { hasNetwork: true },
  );
});

test("a file is dropped on the dialog of a phone-sized window", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await respond(page, [{ type: "result", imported: 1, skipped: 0, failed: [] }]);
      await page.goto("/");
      const dialog = await openImport(page);
      const dropped = await page.evaluateHandle(() => {
        const data = new DataTransfer();
        data.items.add(new File(["[]"], "conversations.json"));
        return data;
      });

      const target = dialog.getByText("ZIP, JSON, or JSONL");
      await target.dispatchEvent("dragover", { dataTransfer: dropped });
      await target.dispatchEvent("drop", { dataTransfer: dropped });

      await dialog.getByText("1 imported, 0 skipped, 0 failed").waitFor();
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 390, `${width} px wide`);
    },
    { context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } },
  );
});

test("imported chats appear in the list", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const said = (sender, text) => ({ sender, text });
    const conversation = (uuid, name) => ({
      uuid,
      name,
      chat_messages: [said("human", `Question of ${name}`), said("assistant", "An answer")],
    });
    const chats = JSON.stringify([
      conversation("1", "First chat"),
      conversation("2", "Second chat"),
      { uuid: "3", name: "Empty chat", chat_messages: [] },
    ]);
    await page.goto("/");
    const dialog = await openImport(page);

    await choose(dialog, file(chats));
    await dialog.getByText("2 imported, 0 skipped, 1 failed").waitFor();
    await dialog.getByText("Empty chat").waitFor();
    await dialog.getByRole("button", { name: "Import another file" }).click();
    await choose(dialog, file(chats));
    await dialog.getByText("0 imported, 2 skipped, 1 failed").waitFor();
    await page.keyboard.press("Escape");

    await page.getByRole("link", { name: /^Second chat/ }).click();
    await page.getByText("Question of Second chat").waitFor();
    await page.getByRole("log").getByText("An answer").waitFor();
  });
});

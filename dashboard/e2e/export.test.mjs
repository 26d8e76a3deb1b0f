import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { makeKey, signIn } from "./accounts.mjs";
import { findAll } from "./axe.mjs";
import { ANSWER_MS, answered, chooseFromMenu, startChat } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

/** Opens the export dialog of the open chat. */
async function openExport(page) {
  await chooseFromMenu(page, "Export…");
  const dialog = page.getByRole("dialog", { name: "Export chat" });
  await dialog.waitFor();
  return dialog;
}

/** Runs an action that starts a download. Returns the name and the content of the file. */
async function saved(page, action) {
  const started = page.waitForEvent("download");
  await action();
  const file = await started;
  return { name: file.suggestedFilename(), content: await readFile(await file.path()) };
}

test("a chat is exported as Markdown, HTML, or JSON", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    const files = {};
    for (const format of ["Markdown", "Web page (HTML)", "JSON"]) {
      const dialog = await openExport(page);
      await dialog.getByRole("radio", { name: format }).check();
      files[format] = await saved(page, () =>
        dialog.getByRole("button", { name: "Export", exact: true }).click(),
      );
      await dialog.waitFor({ state: "hidden" });
    }

    assert.match(files.Markdown.name, /\.md$/);
    assert.match(files.Markdown.content.toString(), /hello/);
    assert.match(files["Web page (HTML)"].name, /\.html$/);
    assert.match(files["Web page (HTML)"].content.toString(), /<html/);
    assert.match(files.JSON.name, /\.json$/);
    assert.ok(JSON.parse(files.JSON.content.toString()));
  });
});

test("all chats are exported with a cookie, also with a read-only key", TIMEOUT, async () => {
  await withTestApp(
    async ({ page, server }) => {
      const key = await makeKey(server, "ann", "--role", "viewer");
      await page.goto("/");
      await signIn(page, key);
      await page.getByRole("button", { name: "Settings" }).click();
      const dialog = page.getByRole("dialog", { name: "Settings" });

      const { name, content } = await saved(page, () =>
        dialog.getByRole("button", { name: "Export all chats" }).click(),
      );

      assert.match(name, /\.zip$/);
      assert.equal(content.subarray(0, 2).toString(), "PK");
      await dialog.getByText("The download has started.").waitFor();
    },
    { environment: async () => ({ AUTH: "required" }) },
  );
});

test("the dialog says why a chat cannot be exported", TIMEOUT, async () => {
  await withTestApp(
    async ({ page, context, server }) => {
      await startChat(page, "/echo hello");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      const dialog = await openExport(page);
      const button = dialog.getByRole("button", { name: "Export", exact: true });
      assert.deepEqual(await findAll(page), []);

      await context.setOffline(true);
      await dialog.getByText("You’re offline. Reconnect to export.").waitFor();
      assert.ok(await button.isDisabled());
      await context.setOffline(false);
      server.network.down(true);
      await button.click();
      await dialog.getByText("Can’t reach the server. Try again in a moment.").waitFor();

      server.network.down(false);
      const { name } = await saved(page, () => button.click());
      assert.match(name, /\.md$/);
    },
    { hasNetwork: true },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { attach, pending } from "./attachments.mjs";
import { findAll } from "./axe.mjs";
import { ANSWER_MS, answered, composer, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const options = {
  hasNetwork: true,
  hasServiceWorker: true,
  // The check for accessibility waits for animations, and some of them do not end.
  context: { reducedMotion: "reduce" },
};
const notes = {
  name: "notes.txt",
  mimeType: "text/plain",
  buffer: Buffer.from("First line\nmore"),
};

const waiting = (page) => pending(page).getByText("Waiting for a connection");
const unsent = (page) => thread(page).getByText("Waiting to send");

/** Returns the number of files that are kept on the device. */
const countStored = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open("banter-files");
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const database = opening.result;
          const counting = database.transaction("files").objectStore("files").count();
          counting.onsuccess = () => {
            database.close();
            resolve(counting.result);
          };
        };
      }),
  );

/** Waits until this number of files is kept on the device. */
async function storedFiles(page, count) {
  while ((await countStored(page)) !== count) await page.waitForTimeout(50);
}

/** Opens a chat, and takes the server away once the page can be loaded without it. */
async function goOffline({ page, server }) {
  await startChat(page, "/echo hello");
  await answered(page).waitFor({ timeout: ANSWER_MS });
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.waitForFunction(async () => {
    const known = await indexedDB.databases();
    return known.some(({ name }) => name === "banter-offline");
  });
  server.network.down(true);
}

test("a file that was chosen offline is sent after reloads and a reconnect", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page, server } = app;
    await goOffline(app);

    await attach(page, notes);
    await waiting(page).waitFor();
    assert.deepEqual(await findAll(page), []);
    await page.reload();
    await waiting(page).waitFor();
    await composer(page).fill("Look at this");
    await composer(page).press("Enter");
    await unsent(page).waitFor();
    await thread(page).getByText("notes.txt").waitFor();
    assert.equal(await pending(page).count(), 0);
    await page.reload();
    await unsent(page).waitFor();
    await thread(page).getByText("notes.txt").waitFor();
    assert.equal(await countStored(page), 1);

    server.network.down(false);
    await thread(page).getByRole("link", { name: "Download notes.txt" }).waitFor();
    await thread(page).getByText("with 2 lines and 3 words").waitFor({ timeout: ANSWER_MS });
    await storedFiles(page, 0);
  }, options);
});

test("a file in a draft is uploaded after a reconnect", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page, server } = app;
    await goOffline(app);
    await attach(page, notes);
    await waiting(page).waitFor();

    server.network.down(false);
    await pending(page).getByText("15 bytes").waitFor({ timeout: ANSWER_MS });
    await storedFiles(page, 0);
  }, options);
});

test("files are removed from the device with their draft or message", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page } = app;
    await goOffline(app);
    await attach(page, notes);
    await waiting(page).waitFor();
    assert.equal(await countStored(page), 1);
    await page.getByRole("button", { name: "Remove notes.txt" }).click();
    await pending(page).waitFor({ state: "detached" });
    await storedFiles(page, 0);

    await attach(page, notes);
    await waiting(page).waitFor();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await unsent(page).waitFor();
    await thread(page).getByRole("button", { name: "Discard" }).click();
    await unsent(page).waitFor({ state: "detached" });
    await storedFiles(page, 0);
  }, options);
});

test("a file for which the device has no space is not kept", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page, url } = app;
    // There is room for the page itself.
    const client = await page.context().newCDPSession(page);
    await client.send("Storage.overrideQuotaForOrigin", { origin: url, quotaSize: 20_000_000 });
    await goOffline(app);

    await attach(page, { ...notes, buffer: Buffer.alloc(30_000_000, "x") });
    await pending(page).getByText("This device has no space for the file.").waitFor();
    assert.ok(await page.getByRole("button", { name: "Send", exact: true }).isDisabled());
    await page.getByRole("button", { name: "Remove notes.txt" }).click();
    await pending(page).waitFor({ state: "detached" });
    await attach(page, notes);
    await waiting(page).waitFor();
  }, options);
});

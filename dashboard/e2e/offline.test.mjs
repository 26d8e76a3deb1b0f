import assert from "node:assert/strict";
import { test } from "node:test";
import { makeKey, signIn } from "./accounts.mjs";
import { ANSWER_MS, answered, composer, finished, row, send, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const options = {
  hasNetwork: true,
  hasServiceWorker: true,
  environment: async () => ({ AUTH: "required" }),
};

/** Waits until the service worker controls the page, which means that it has stored all files. */
const installed = (page) => page.waitForFunction(() => navigator.serviceWorker.controller !== null);

/** Returns the copies of lists or threads that are stored on the device. */
function readCopies(page, ...names) {
  return page.evaluate(async (wanted) => {
    const known = await indexedDB.databases();
    if (!known.some(({ name }) => name === "banter-offline")) return [];
    const database = await new Promise((resolve) => {
      const opening = indexedDB.open("banter-offline");
      opening.onsuccess = () => resolve(opening.result);
    });
    const read = (name) =>
      new Promise((resolve) => {
        const reading = database.transaction(name).objectStore(name).getAll();
        reading.onsuccess = () => resolve(reading.result);
      });
    const copies = await Promise.all(wanted.map(read));
    database.close();
    return copies.flat();
  }, names);
}

/** Waits until a thread with the text is stored on the device, or no longer is. */
async function stored(page, text, isStored = true) {
  while (JSON.stringify(await readCopies(page, "threads")).includes(text) !== isStored)
    await page.waitForTimeout(100);
}

const trouble = (page) =>
  page.getByText("Reconnecting…").filter({ visible: true }).first().waitFor({ timeout: ANSWER_MS });

/** Signs in and has two chats answered. Returns the path of the first one; the second is open. */
async function prepare({ page, server }, user = "ann") {
  await page.goto("/");
  await signIn(page, await makeKey(server, user));
  await composer(page).waitFor();
  await startChat(page, "/echo the first chat");
  await answered(page).waitFor({ timeout: ANSWER_MS });
  await stored(page, "the first chat");
  const first = new URL(page.url()).pathname;
  await startChat(page, "/echo the second chat");
  await answered(page).waitFor({ timeout: ANSWER_MS });
  await stored(page, "the second chat");
  await installed(page);
  return first;
}

test(
  "a reload without the server shows the chats and sends what was written",
  TIMEOUT,
  async () => {
    await withTestApp(async (app) => {
      const { page, context, server } = app;
      const first = await prepare(app);

      server.network.down(true);
      await page.reload();

      await thread(page).getByText("/echo the second chat", { exact: true }).waitFor();
      await trouble(page);
      await page.getByRole("navigation").locator(`a[href="${first}"]`).click();
      await thread(page).getByText("/echo the first chat", { exact: true }).waitFor();
      await composer(page).fill("half a thought");
      await page.reload();
      await page.waitForFunction(() => document.querySelector("main textarea")?.value !== "");
      assert.equal(await composer(page).inputValue(), "half a thought");
      await send(page, "/echo written offline");
      await thread(page).getByText("Waiting to send").waitFor();
      await page.reload();
      await thread(page).getByText("/echo written offline", { exact: true }).waitFor();

      server.network.down(false);

      await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
      await page
        .getByText("Reconnecting…")
        .filter({ visible: true })
        .waitFor({ state: "detached" });
      const id = first.split("/").at(-1);
      const { messages } = await (await context.request.get(`/v1/chat/${id}`)).json();
      assert.equal(messages.filter(({ content }) => content === "/echo written offline").length, 1);
    }, options);
  },
);

test("what was fetched replaces the copies", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page, context, server } = app;
    const first = await prepare(app);
    const second = new URL(page.url()).pathname;
    server.network.down(true);
    await page.reload();
    await thread(page).getByText("/echo the second chat", { exact: true }).waitFor();
    await page.getByRole("navigation").locator(`a[href="${first}"]`).click();
    await thread(page).getByText("/echo the first chat", { exact: true }).waitFor();

    // Another device renames a chat and deletes the other one.
    server.network.down(false);
    server.network.hang(true);
    const { cookies } = await context.storageState();
    const headers = { cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; ") };
    await server.direct(`/v1/chat${second.slice(5)}?permanent=true`, { method: "DELETE", headers });
    await server.direct(`/v1/chat${first.slice(5)}`, {
      method: "PATCH",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ title: "Renamed elsewhere" }),
    });
    server.network.down(true);
    server.network.hang(false);
    server.network.down(false);

    await row(page).getByText("Renamed elsewhere").waitFor({ timeout: ANSWER_MS });
    const deleted = page.getByRole("navigation").locator(`a[href="${second}"]`);
    await deleted.waitFor({ state: "detached" });
    await page.goto(second);
    await page.getByText("Chat not found").waitFor();
    await stored(page, "the second chat", false);
  }, options);
});

test("signing out and a revoked key leave no copies on the device", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page, server } = app;
    await prepare(app);

    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("API key").waitFor();
    assert.deepEqual(await readCopies(page, "lists", "threads"), []);
    server.network.down(true);
    await page.reload();
    await page.getByText("Can’t reach the server").waitFor();
    assert.equal(await page.getByText("the second chat").count(), 0);
    server.network.down(false);
    await page.getByLabel("API key").waitFor();

    await signIn(page, await makeKey(server, "bob"));
    await composer(page).waitFor();
    await startChat(page, "/echo his chat");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await stored(page, "/echo his chat");
    assert.ok(
      !JSON.stringify(await readCopies(page, "lists", "threads")).includes("the second chat"),
    );
    server.network.down(true);
    await page.reload();
    await thread(page).getByText("/echo his chat", { exact: true }).waitFor();
    assert.equal(await page.getByText("the second chat").count(), 0);
    const keys = (await server.run("keys", "list"))
      .split("\n")
      .filter((line) => /\bbob\b/.test(line));
    await server.run("keys", "revoke", keys[0].split(/\s+/)[0]);

    server.network.down(false);

    await page.getByLabel("API key").waitFor({ timeout: ANSWER_MS });
    server.network.down(true);
    await page.reload();
    await page.getByText("Can’t reach the server").waitFor();
    assert.equal(await page.getByText("his chat").count(), 0);
    assert.deepEqual(await readCopies(page, "lists", "threads"), []);
  }, options);
});

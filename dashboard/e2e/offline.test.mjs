import assert from "node:assert/strict";
import { test } from "node:test";
import { makeKey, signIn } from "./accounts.mjs";
import {
  ANSWER_MS,
  answered,
  composer,
  finished,
  isInView,
  row,
  send,
  startChat,
  thread,
  waitUntilInView,
} from "./chat.mjs";
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

/** Waits until the copy of a chat has no unread answers. */
async function storedRead(page, sessionId) {
  const isRead = ({ data: { session } }) => session.id === sessionId && session.unread_count === 0;
  while (!(await readCopies(page, "threads")).some(isRead)) await page.waitForTimeout(100);
}

/** Makes a chat's newest answers unread in its copies, as they were before the answers were read. */
async function makeCopyUnread(page, sessionId, unread) {
  const copy = (await readCopies(page, "threads")).find((thread) => thread.sessionId === sessionId);
  const answers = copy.data.messages.filter(({ role }) => role === "assistant");
  const state = { unread_count: unread, last_read_seq: answers.at(-unread - 1).seq };
  await page.evaluate(
    async ([id, earlier]) => {
      const database = await new Promise((resolve) => {
        const opening = indexedDB.open("banter-offline");
        opening.onsuccess = () => resolve(opening.result);
      });
      const change = database.transaction(["lists", "threads"], "readwrite");
      for (const name of ["lists", "threads"]) {
        change.objectStore(name).openCursor().onsuccess = ({ target: { result } }) => {
          if (!result) return;
          const { sessions, data } = result.value;
          for (const session of sessions ?? [data.session])
            if (session.id === id) Object.assign(session, earlier);
          result.update(result.value);
          result.continue();
        };
      }
      await new Promise((resolve) => {
        change.oncomplete = resolve;
      });
      database.close();
    },
    [sessionId, state],
  );
}

const trouble = (page) =>
  page.getByText("Reconnecting…").filter({ visible: true }).first().waitFor({ timeout: ANSWER_MS });

/** Returns the headers with which another device of the user would send JSON. */
async function deviceHeaders(context) {
  const { cookies } = await context.storageState();
  return {
    cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; "),
    "content-type": "application/json",
  };
}

/** Returns a function that sends a message to a chat and awaits the answer, as another device would. */
async function sender({ context, server }, path) {
  const headers = await deviceHeaders(context);
  return async (content) => {
    const url = `/v1${path}/messages?wait=60`;
    const sent = await server.direct(url, {
      method: "POST",
      headers,
      body: JSON.stringify({ content }),
    });
    assert.ok(sent.ok, await sent.text());
  };
}

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
    const headers = await deviceHeaders(context);
    await server.direct(`/v1/chat${second.slice(5)}?permanent=true`, { method: "DELETE", headers });
    await server.direct(`/v1/chat${first.slice(5)}`, {
      method: "PATCH",
      headers,
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

/** Prepares a chat with 12 read answers of which the page has a copy, and functions for tests of it. */
async function prepareCopy(app) {
  const { page, server } = app;
  const path = await prepare(app);
  const answer = await sender(app, path);
  for (let number = 1; number <= 12; number += 1) await answer(`/echo Early ${number}`);
  await page.getByRole("navigation").locator(`a[href="${path}"]`).click();
  await thread(page).getByText("/echo Early 1", { exact: true }).waitFor();
  await composer(page).press("End");
  await thread(page).getByText("/echo Early 12", { exact: true }).waitFor();
  await row(page)
    .getByText(/unread/)
    .waitFor({ state: "detached" });
  await stored(page, '"Early 12"');
  const sessionId = path.split("/").at(-1);
  await storedRead(page, sessionId);
  return {
    ...{ answer, sessionId },
    /** Reloads the page without the server, and has messages answered in the meantime. */
    async missed(...messages) {
      server.network.down(true);
      await page.reload();
      await thread(page).getByText("/echo Early").first().waitFor();
      await trouble(page);
      for (const message of messages) await answer(message);
    },
    async reconnect() {
      const isThread = (response) => response.url().includes(`/v1${path}?`) && response.ok();
      const fetched = page.waitForResponse(isThread);
      server.network.down(false);
      await fetched;
    },
  };
}

const copyOptions = { ...options, context: { viewport: { width: 900, height: 500 } } };
const twelve = (name) => Array.from({ length: 12 }, (_, index) => `/echo ${name} ${index + 1}`);

test(
  "a chat shown from a copy moves to the first unread answer unless it is being read",
  TIMEOUT,
  async () => {
    await withTestApp(async (app) => {
      const { page } = app;
      const { answer, missed, reconnect } = await prepareCopy(app);

      await missed(...twelve("Late"));
      await reconnect();
      await waitUntilInView(thread(page).getByText("New", { exact: true }));
      await waitUntilInView(thread(page).getByText("/echo Late 1", { exact: true }));
      await stored(page, '"Late 12"');

      await missed();
      const read = thread(page).getByText("/echo Early 3", { exact: true });
      await thread(page).hover();
      while (!(await isInView(read))) await page.mouse.wheel(0, -200);
      const top = async () => (await read.boundingBox()).y;
      const before = await top();
      await answer("/echo Latest");
      await reconnect();
      await page.getByRole("button", { name: /new messages?$/ }).waitFor();
      await waitUntilInView(read);
      assert.ok(Math.abs((await top()) - before) < 3, `moved by ${(await top()) - before} px`);
    }, copyOptions);
  },
);

test("a chat shown from an outdated copy moves to where it would open", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page } = app;
    const { sessionId, missed, reconnect } = await prepareCopy(app);
    const divider = thread(page).getByText("New", { exact: true });
    /** Reloads the page with a copy in which the answer "Early 3" is the first unread one. */
    const missedUnread = async (...messages) => {
      // A page that shows a copy stores no other one.
      await missed(...messages);
      await makeCopyUnread(page, sessionId, 10);
      await page.reload();
      await waitUntilInView(thread(page).getByText("/echo Early 3", { exact: true }));
    };

    // The answers have been read, but the copy was stored before.
    await missedUnread();
    await reconnect();
    await waitUntilInView(thread(page).getByText("/echo Early 12", { exact: true }));
    await divider.waitFor({ state: "detached" });
    await storedRead(page, sessionId);

    await missedUnread(...twelve("Late"));
    await reconnect();
    await waitUntilInView(divider);
    await waitUntilInView(thread(page).getByText("/echo Late 1", { exact: true }));
  }, copyOptions);
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

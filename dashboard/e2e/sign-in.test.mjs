import assert from "node:assert/strict";
import { test } from "node:test";
import { makeKey, signIn } from "./accounts.mjs";
import { ANSWER_MS, answered, composer, finished, send, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const options = { environment: async () => ({ AUTH: "required" }) };

test("a user signs in with an API key, chats, and signs out", TIMEOUT, async () => {
  await withTestApp(async ({ page, context, server }) => {
    const key = await makeKey(server, "ann");
    await page.goto("/");
    await signIn(page, "bnt_nonsense");
    await page.getByText("This API key is invalid").waitFor();

    await signIn(page, key);
    await page.getByRole("textbox", { name: "Message" }).waitFor();
    const cookies = await context.cookies();
    assert.deepEqual(
      cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite]),
      [[true, "Strict"]],
    );
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    assert.ok(!kept.includes(key), "the key is not stored in the browser");
    await startChat(page, "hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByText("Signed in as ann").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();

    await page.getByLabel("API key").waitFor();
    assert.deepEqual(await context.cookies(), []);
    assert.equal(await page.getByText("hello").count(), 0);
  }, options);
});

test("a user without chats can sign out on a phone", TIMEOUT, async () => {
  const phone = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true };
  await withTestApp(
    async ({ page, server }) => {
      const key = await makeKey(server, "ann");
      await page.goto("/");
      await signIn(page, key);
      await page.getByRole("heading", { name: "Chat with Demo" }).waitFor();

      await page.getByRole("button", { name: "Settings" }).tap();
      await page.getByRole("button", { name: "Sign out" }).tap();

      await page.getByLabel("API key").waitFor();
    },
    { ...options, context: phone },
  );
});

test("users see only their own chats", TIMEOUT, async () => {
  await withTestApp(async ({ page, server, url }) => {
    const [ann, bob] = [await makeKey(server, "ann"), await makeKey(server, "bob")];
    await page.goto("/");
    await signIn(page, ann);
    await page.getByRole("textbox", { name: "Message" }).waitFor();
    await startChat(page, "a secret of hers");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const chat = page.url();

    const other = await page.context().browser().newContext({ baseURL: url });
    const theirs = await other.newPage();
    await theirs.goto(chat);
    await signIn(theirs, bob);

    await theirs.getByText("Chat not found").waitFor();
    assert.equal(await theirs.getByText("a secret of hers").count(), 0);
    await other.close();
  }, options);
});

async function signOut(page, choice) {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  if (choice) await page.getByRole("button", { name: choice }).click();
  await page.getByLabel("API key").waitFor();
}

/** Returns everything that the page has stored in the browser, as JSON. */
function readStorage(page) {
  return page.evaluate(async () => {
    const database = await new Promise((resolve) => {
      const opening = indexedDB.open("banter");
      opening.onsuccess = () => resolve(opening.result);
    });
    const outgoing = await new Promise((resolve) => {
      const reading = database.transaction("outgoing").objectStore("outgoing").getAll();
      reading.onsuccess = () => resolve(reading.result);
    });
    database.close();
    return JSON.stringify({ ...localStorage, outgoing });
  });
}

test(
  "unsent messages and drafts of a user are kept for the next sign-in and hidden from others",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page, context, server }) => {
      const [ann, bob] = [await makeKey(server, "ann"), await makeKey(server, "bob")];
      const posts = "**/v1/chat/*/messages";
      const sent = [];
      page.on("request", (request) => {
        if (request.method() === "POST" && request.url().endsWith("/messages"))
          sent.push(request.postDataJSON().content);
      });
      await page.goto("/");
      await signIn(page, ann);
      await composer(page).waitFor();
      await startChat(page, "/echo hello");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      const chat = page.url();
      await page.route(posts, (route) => route.abort());
      await send(page, "/echo her unsent text");
      await thread(page).getByText("Waiting to send").waitFor();
      await composer(page).fill("her draft");
      await signOut(page, "Keep and sign out");
      await page.unroute(posts);
      sent.length = 0;

      await signIn(page, bob);
      await page.getByText("No chats yet").waitFor();
      await startChat(page, "/echo his");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      assert.equal(await page.getByText("her ").count(), 0);
      await page.goto(chat);
      await page.getByText("Chat not found").waitFor();
      assert.equal(await page.getByText("her ").count(), 0);
      assert.deepEqual(sent, ["/echo his"]);

      // The other tab is signed out as well.
      const other = await context.newPage();
      await other.goto("/");
      await composer(other).waitFor();
      await signOut(page);
      await other.getByLabel("API key").waitFor();
      await other.close();

      await signIn(page, ann);
      await composer(page).waitFor();
      await page.goto(chat);
      await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
      // Navigating may abort the first attempt. The second one has the same key, so the message is
      // posted only once.
      assert.deepEqual([...new Set(sent.slice(1))], ["/echo her unsent text"]);
      const arrived = thread(page).getByText("/echo her unsent text", { exact: true });
      assert.equal(await arrived.count(), 1);
      assert.equal(await composer(page).inputValue(), "her draft");

      await signOut(page, "Remove and sign out");
      assert.ok(!(await readStorage(page)).includes("her "), "no data of the account is stored");
    }, options);
  },
);

test("revoking a key shows the sign-in form without losing the draft", TIMEOUT, async () => {
  await withTestApp(async ({ page, context, server }) => {
    const first = await makeKey(server, "ann");
    await page.goto("/");
    await signIn(page, first);
    await composer(page).waitFor();
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const chat = page.url();
    const other = await context.newPage();
    await other.goto(chat);
    await answered(other).waitFor();
    await composer(page).fill("half a thought");

    const second = await makeKey(server, "ann");
    const [id] = (await server.run("keys", "list")).split(/\s+/);
    await server.run("keys", "revoke", id);

    // The stream ends within seconds, and the next request gets a 401 response.
    await page.getByLabel("API key").waitFor();
    await other.getByLabel("API key").waitFor();
    await signIn(page, second);
    await answered(page).waitFor();
    assert.equal(page.url(), chat);
    assert.equal(await composer(page).inputValue(), "half a thought");
    await send(page, "/echo again");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });

    await other.evaluate(() => window.dispatchEvent(new Event("focus")));
    await finished(other).nth(1).waitFor();
  }, options);
});

test("a viewer can read chats but is not offered any changes", TIMEOUT, async () => {
  await withTestApp(async ({ page, server, url }) => {
    await page.goto("/");
    await signIn(page, await makeKey(server, "ann"));
    await page.getByRole("textbox", { name: "Message" }).waitFor();
    await startChat(page, "/fail");
    await page.getByRole("button", { name: "Retry" }).waitFor({ timeout: ANSWER_MS });
    const chat = page.url();

    const other = await page.context().browser().newContext({ baseURL: url });
    const theirs = await other.newPage();
    await theirs.goto("/");
    await signIn(theirs, await makeKey(server, "ann", "--role", "viewer"));
    await theirs.getByText("Open a chat to read it.").waitFor();
    assert.equal(await composer(theirs).count(), 0);
    await theirs.goto(chat);
    await theirs.getByText("Your API key is read-only.").waitFor();

    await thread(theirs).getByText("The demo failed").waitFor();
    assert.equal(await composer(theirs).count(), 0);
    for (const name of ["Retry", "Rename"])
      assert.equal(await theirs.getByRole("button", { name }).count(), 0, name);
    await theirs.locator("main header").getByRole("button", { name: "More actions" }).click();
    const items = await theirs.locator("main header").getByRole("menuitem").allInnerTexts();
    assert.deepEqual(items, [
      "Find in chat…",
      "Go to question…",
      "Files in this chat…",
      "Print…",
      "Export…",
      "Copy link",
    ]);
  }, options);
});

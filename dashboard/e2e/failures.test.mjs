import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, live, retryButtons, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

async function createFailure(page, content = "/fail") {
  const session = await (
    await page.request.post("/v1/chat", { data: { agent_key: "demo", title: "Broken" } })
  ).json();
  await sendTo(page, session.id, content);
  return session.id;
}

async function sendTo(page, id, content) {
  const path = `/v1/chat/${id}/messages?wait=60`;
  assert.equal((await page.request.post(path, { data: { content } })).status(), 200);
}

const badges = (page) => page.getByRole("navigation").getByText("New failure");

test("a failed turn is marked until its chat is opened on any device", TIMEOUT, async () => {
  await withTestApp(async ({ page, url }) => {
    const other = await (await page.context().browser().newContext({ baseURL: url })).newPage();
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await other.goto("/new");
    const id = await createFailure(page);

    for (const view of [page, other]) {
      await badges(view).waitFor({ timeout: ANSWER_MS });
      await view.waitForFunction(() => document.title.startsWith("(!) "));
    }
    await page.reload();
    await page.waitForFunction(() => document.title.startsWith("(!) "));

    await page.locator(`a[data-row="${id}"]`).click();
    await retryButtons(page).waitFor();
    for (const view of [page, other]) {
      await badges(view).waitFor({ state: "detached" });
      await view.waitForFunction(() => !document.title.startsWith("("));
    }
    await other.reload();
    await other.locator(`a[data-row="${id}"]`).getByText("Failed: ").waitFor();
    assert.equal(await badges(other).count(), 0);
  });
});

test("a retry that fails while its chat is closed is marked again", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const id = await createFailure(page);
    await page.goto(`/chat/${id}`);
    await retryButtons(page).waitFor();
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    assert.equal(await badges(page).count(), 0);

    const { messages } = await (await page.request.get(`/v1/chat/${id}`)).json();
    const task = `/v1/chat/${id}/tasks/${messages[0].task_id}`;
    assert.equal((await page.request.post(`${task}/retry`)).status(), 202);

    await badges(page).waitFor({ timeout: ANSWER_MS });
  });
});

test("the number of unread answers does not include failures", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/new");
    const id = await createFailure(page, "/echo fine");
    await page.waitForFunction(() => document.title.startsWith("(1) "));
    await sendTo(page, id, "/fail");

    await page.waitForFunction(() => document.title.startsWith("(1!) "));
    await badges(page).waitFor();
    await page.getByText("1 unread message").waitFor();

    await page.locator(`a[data-row="${id}"]`).click();
    await page.waitForFunction(() => !document.title.startsWith("("));
    assert.equal(await badges(page).count(), 0);
  });
});

test("notifications of answers, requests, and failures are plain text", TIMEOUT, async () => {
  await withTestApp(async ({ page, context, url }) => {
    await context.grantPermissions(["notifications"], { origin: url });
    await page.addInitScript(() => {
      window.shown = [];
      Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
      document.hasFocus = () => false;
      window.Notification = class {
        static permission = "granted";
        constructor(title, { body }) {
          window.shown.push({ title, body, click: () => this.onclick() });
        }
        close() {}
      };
      localStorage.setItem("banter.preferences", JSON.stringify({ hasNotifications: true }));
    });
    const shown = async (count) => {
      await page.waitForFunction((least) => window.shown.length >= least, count);
      return page.evaluate(() => window.shown.map(({ title, body }) => [title, body]));
    };
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });

    const id = await createFailure(page);
    assert.deepEqual(await shown(1), [["Broken", "Failed: The agent refused the request."]]);
    await sendTo(page, id, "/markdown");
    const [, [title, body]] = await shown(2);
    assert.equal(title, "Broken");
    assert.match(body, /^What an answer can contain /);
    assert.doesNotMatch(body, /[*#`]/);
    await page.request.post(`/v1/chat/${id}/messages`, { data: { content: "/tool" } });
    const [, , request] = await shown(3);
    assert.deepEqual(request, ["Broken", "Permission needed: Count the words in a poem"]);

    await page.evaluate(() => window.shown[2].click());
    await page.waitForURL(`**/chat/${id}`);
    await thread(page).getByRole("group", { name: "Permission request" }).waitFor();
  });
});

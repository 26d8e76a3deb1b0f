import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, composer, focused, live, row, startChat, thread } from "./chat.mjs";
import { withPermissionAgent } from "./permission-agent.mjs";
import { withAgents } from "./scenes/agents.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

const needsYou = (page) => page.getByRole("region", { name: "Needs you" });

/** Creates a chat and sends a message, through the api. Returns the chat's ID. */
async function createChat(page, content, { agent_key = "demo", ...more } = {}) {
  const session = await (await page.request.post("/v1/chat", { data: { agent_key } })).json();
  const sent = await page.request.post(`/v1/chat/${session.id}/messages`, { data: { content } });
  assert.equal(sent.status(), 202);
  if (Object.keys(more).length > 0)
    await page.request.patch(`/v1/chat/${session.id}`, { data: more });
  return session.id;
}

test("requests are answered from the list, and the focus stays in it", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    const open = page.url();
    const first = await createChat(page, "/tool", { title: "First" });
    const second = await createChat(page, "/tool", { title: "Second" });

    const group = needsYou(page);
    await group.getByRole("group", { name: "Request in First" }).waitFor();
    const request = group.getByRole("group", { name: "Request in Second" });
    await request.getByText("wc --words poem.txt").waitFor();
    const regions = page.getByRole("navigation", { name: "Chats" }).getByRole("region");
    assert.equal(await regions.first().getAttribute("aria-label"), "Needs you");
    await page.waitForFunction(() => document.title.startsWith("(!) "));
    assert.match(await page.locator('link[rel="icon"]').getAttribute("href"), /^data:image\/svg/);

    await request.getByRole("button", { name: "Allow" }).press("Enter");
    await page.getByText("1 unread message").waitFor({ timeout: ANSWER_MS });
    await focused(page, page.locator(`a[data-row="${second}"]`));
    const steps = await (await page.request.get(`/v1/chat/${second}`)).json();
    assert.match(steps.messages.at(-1).content, /14 words/);
    await page.waitForFunction(() => document.title.startsWith("(1!) "));

    await group.getByRole("button", { name: "Reject" }).click();
    await group.waitFor({ state: "detached" });
    await page.waitForFunction(() => document.title.startsWith("(2) "));
    const rejected = await (await page.request.get(`/v1/chat/${first}`)).json();
    assert.match(rejected.messages.at(-1).content, /wasn’t approved/);
    assert.equal(page.url(), open);
  });
});

test("the focus moves with a row whose request is answered elsewhere", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/");
    await focused(page, composer(page));
    const id = await createChat(page, "/tool");
    const allow = needsYou(page).getByRole("button", { name: "Allow" });
    await allow.focus();

    const { session } = await (await page.request.get(`/v1/chat/${id}`)).json();
    const task = `/v1/chat/${id}/tasks/${session.active_task.id}`;
    assert.equal((await page.request.post(`${task}/cancel`)).status(), 202);

    await allow.waitFor({ state: "detached" });
    await focused(page, page.locator(`a[data-row="${id}"]`));
  });
});

test("a request of a chat beyond the loaded list is shown", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const id = await createChat(page, "/tool", { title: "Long ago" });
    for (let number = 0; number < 50; number += 1)
      await page.request.post("/v1/chat", { data: { agent_key: "demo" } });

    await page.goto("/new");

    await needsYou(page).getByText("Long ago").waitFor({ timeout: ANSWER_MS });
    await page.request.patch(`/v1/chat/${id}`, { data: { status: "archived" } });
    await page.request.patch(`/v1/chat/${id}`, { data: { title: "Put away" } });
    await needsYou(page).getByText("Put away").waitFor();
    await needsYou(page).getByRole("button", { name: "Reject" }).click();
    await needsYou(page).waitFor({ state: "detached" });
  });
});

const longName = {
  optionId: "a",
  name: `Use ${"a very long option ".repeat(3)}`,
  kind: "allow_once",
};
const agent = { environment: withPermissionAgent([longName]) };

test("a request that the list cannot show in full is answered in its chat", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/new");
    const id = await createChat(page, "Set it up", { agent_key: "permission" });

    await needsYou(page)
      .getByRole("link", { name: /^Review request/ })
      .click();

    await page.waitForURL(`**/chat/${id}`);
    await thread(page).getByRole("button", { name: "Use a very long" }).click();
    await needsYou(page).waitFor({ state: "detached" });
  }, agent);
});

test("an expired request is shown in the list until the chat is read", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await page.goto("/new?agent=demo");
      await composer(page).waitFor();
      const id = await createChat(page, "/tool", { agent_key: "hasty" });
      const missed = page.getByRole("navigation").getByText("Permission expired: Count the words");
      await missed.waitFor({ timeout: ANSWER_MS });
      await page.getByText("1 unread message").waitFor({ timeout: ANSWER_MS });
      await page.reload();
      await missed.waitFor();

      await page.locator(`a[data-row="${id}"]`).click();

      await answered(page).waitFor();
      await page.getByText("1 unread message").waitFor({ state: "detached" });
      await page.goto("/new?agent=demo");
      await page.locator(`a[data-row="${id}"]`).getByText("approved, so I didn’t run").waitFor();
      assert.equal(await missed.count(), 0);
    },
    { environment: withAgents },
  );
});

test("a viewer sees requests but cannot answer them", TIMEOUT, async () => {
  const me = { user_id: "ann", workspace_id: "default", role: "viewer" };
  await withTestApp(async ({ page }) => {
    await page.route("**/v1/auth/me", (route) => route.fulfill({ json: me }));
    const id = await createChat(page, "/tool");
    await page.goto(`/chat/${id}`);

    await needsYou(page).getByText("Permission needed").waitFor();

    await row(page).waitFor();
    assert.equal(await needsYou(page).getByRole("button").count(), 0);
    assert.equal(await page.getByRole("link", { name: "New chat" }).count(), 0);
  });
});

test("the way back to the list shows that another chat needs the user", TIMEOUT, async () => {
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
  await withTestApp(
    async ({ page }) => {
      const open = await createChat(page, "/echo hello");
      await page.goto(`/chat/${open}`);
      await answered(page).waitFor({ timeout: ANSWER_MS });
      const back = page.locator("main header").getByRole("link", { name: "Back to chats" });
      await back.waitFor();
      assert.equal(await back.getByText("attention").count(), 0);

      await createChat(page, "/tool");
      await back.getByText("Some chats need your attention").waitFor({ timeout: ANSWER_MS });
      await back.tap();
      await needsYou(page).getByRole("button", { name: "Allow" }).tap();

      await page.getByText("1 unread message").waitFor({ timeout: ANSWER_MS });
    },
    { context: phone },
  );
});

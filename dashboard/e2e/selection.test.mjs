import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, composer, focused, live, startChat } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

/** Creates chats with these titles; the last one is the first in the list. Returns their IDs. */
async function createChats(page, ...titles) {
  const ids = [];
  for (const title of titles) {
    const sent = await page.request.post("/v1/chat", { data: { agent_key: "demo", title } });
    ids.push((await sent.json()).id);
  }
  return ids;
}

const list = (page) => page.getByRole("navigation", { name: "Chats" });
const chat = (page, title) => list(page).getByRole("link", { name: title });
const checkbox = (page, title) => page.getByRole("checkbox", { name: `Select ${title}` });
const bar = (page) => page.getByRole("toolbar", { name: "Selected chats" });
const act = (page, name) => bar(page).getByRole("button", { name }).click();

test("chats are selected by mouse, and archived and restored together", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await createChats(page, "Four", "Three", "Two", "One");
    await page.goto("/new");

    await checkbox(page, "One").click({ force: true });
    await chat(page, "Three").click({ modifiers: ["Shift"] });
    await bar(page).getByText("3 selected").waitFor();
    await chat(page, "Two").click();
    await bar(page).getByText("2 selected").waitFor();
    assert.match(page.url(), /\/new$/, "a click selects rather than opens");
    await act(page, "Archive");

    await page.getByText("2 chats archived").waitFor();
    await chat(page, "One").waitFor({ state: "detached" });
    assert.equal(await chat(page, "Three").count(), 0);
    await bar(page).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).click();
    await chat(page, "One").waitFor();
    await chat(page, "Three").waitFor();

    const menu = page.getByRole("button", { name: "More actions for Four" });
    await chat(page, "Four").hover();
    await menu.click();
    await page.getByRole("menuitem", { name: "Select" }).click();
    await bar(page).getByText("1 selected").waitFor();
    await act(page, "Clear selection");
    await bar(page).waitFor({ state: "detached" });
  });
});

test("chats are selected by keyboard, and Escape only ends the selection", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await createChats(page, "Three", "Two", "One");
    await chat(page, "One").focus();

    await page.keyboard.press("Space");
    await bar(page).getByText("1 selected").waitFor();
    await page.keyboard.press("Shift+ArrowDown");
    await bar(page).getByText("2 selected").waitFor();
    await page.keyboard.press("Space");
    await bar(page).getByText("1 selected").waitFor();
    await page.keyboard.press("Control+KeyA");
    await bar(page).getByText("4 selected").waitFor();

    await page.keyboard.press("Escape");
    await bar(page).waitFor({ state: "detached" });
    await focused(page, chat(page, "Two"));
    assert.equal(await live(page).count(), 1, "answers in progress");

    await page.keyboard.press("Space");
    await composer(page).fill("half a thought");
    await page.keyboard.press("Escape");
    await bar(page).waitFor({ state: "detached" });
    assert.equal(await composer(page).inputValue(), "half a thought");
    assert.equal(await live(page).count(), 1, "answers in progress");
  });
});

test("deleting selected chats asks once and reports single failures", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const [, two] = await createChats(page, "Three", "Two", "One");
    await page.route(`**/v1/chat/${two}?permanent=true`, (route) =>
      route.fulfill({
        status: 503,
        contentType: "application/problem+json",
        json: { code: "store_busy", title: "Busy", status: 503 },
      }),
    );
    await page.goto("/new");
    await focused(page, composer(page));
    await chat(page, "One").focus();
    for (const key of ["Space", "Shift+ArrowDown", "Shift+ArrowDown"])
      await page.keyboard.press(key);
    await act(page, "Delete");
    const dialog = page.getByRole("dialog", { name: "Delete 3 chats?" });
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await bar(page).getByText("3 selected").waitFor();
    await act(page, "Delete");
    await dialog.getByRole("button", { name: "Delete" }).click();

    await page.getByText("2 chats deleted. Couldn’t delete “Two”. The server is busy.").waitFor();
    await bar(page).getByText("1 selected").waitFor();
    await chat(page, "One").waitFor({ state: "detached" });
    assert.equal(await chat(page, "Three").count(), 0);

    await page.unroute(`**/v1/chat/${two}?permanent=true`);
    await act(page, "Delete");
    await page.getByRole("dialog", { name: "Delete this chat?" }).waitFor();
    await page.getByRole("button", { name: "Delete", exact: true }).last().click();
    await page.getByText("1 chat deleted").waitFor();
    await page.getByText("No chats yet").waitFor();
  });
});

test(
  "selected chats are marked as read; archiving the open one can be undone",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page }) => {
      await startChat(page, "/echo hello");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      const open = page.url();
      const ids = await createChats(page, "Two", "One");
      for (const id of ids)
        await page.request.post(`/v1/chat/${id}/messages`, { data: { content: "/echo news" } });
      await page.waitForFunction(() => document.title.startsWith("(2) "));
      await chat(page, "/echo hello").focus();
      await page.keyboard.press("Space");
      await page.keyboard.press("Control+KeyA");

      await act(page, "Mark as read");
      await page.getByText("3 chats marked as read").waitFor();
      await page.waitForFunction(() => !document.title.startsWith("("));

      await chat(page, "/echo hello").focus();
      await page.keyboard.press("Space");
      await act(page, "Archive");
      await page.getByText("1 chat archived").waitFor();
      await page.waitForURL((url) => url.pathname === "/");
      await page.getByRole("button", { name: "Undo" }).click();
      await page.waitForURL(open);
    });
  },
);

test("a long press selects a chat on a phone", TIMEOUT, async () => {
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
  await withTestApp(
    async ({ page, context }) => {
      await createChats(page, "Two", "One");
      await page.goto("/");
      const { x, y } = await chat(page, "One").boundingBox();
      const touch = await context.newCDPSession(page);
      const dispatch = (type, ...touchPoints) =>
        touch.send("Input.dispatchTouchEvent", { type, touchPoints });

      await dispatch("touchStart", { x: x + 120, y: y + 20 });
      await bar(page).getByText("1 selected").waitFor();
      await dispatch("touchEnd");
      assert.equal(new URL(page.url()).pathname, "/");

      await chat(page, "Two").tap();
      await bar(page).getByText("2 selected").waitFor();
      await act(page, "Archive");
      await page.getByText("All chats are archived").waitFor();
    },
    { context: phone },
  );
});

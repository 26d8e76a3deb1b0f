import assert from "node:assert/strict";
import { test } from "node:test";
import { findAll } from "./axe.mjs";
import { ANSWER_MS, answered, composer, focused, startChat, waitForMatch } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
/** More turns than the first page of a transcript has. */
const TURNS = 70;
const PHONE = {
  context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
};

const palette = (page) => page.getByRole("combobox", { name: "Search and commands" });
const option = (page, name) => page.getByRole("option", { name });

/** Creates a chat with a title and messages, which are answered later. Returns its ID. */
async function createChat(page, title, messages) {
  return page.evaluate(
    async ({ title, messages }) => {
      const post = async (path, body) => {
        const headers = { "Content-Type": "application/json" };
        const reply = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
        if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
        return reply.json();
      };
      const { id } = await post("/v1/chat", { agent_key: "demo", title });
      for (const content of messages) await post(`/v1/chat/${id}/messages`, { content });
      return id;
    },
    { title, messages },
  );
}

test("the palette finds a message in another chat and opens it", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const messages = Array.from({ length: TURNS }, (_, index) =>
      index === 2 ? "The Zürich <b>café</b> opens at noon" : `Filler ${index}`,
    );
    const id = await createChat(page, "Travel plans", messages);

    await page.keyboard.press("Control+KeyK");
    await focused(page, palette(page));
    await page.keyboard.type("cafe zuri");
    const found = option(page, /Travel plans.*The Zürich <b>café<\/b> opens/).first();
    await found.waitFor();
    assert.deepEqual(await found.locator("mark").allTextContents(), ["Züri", "café"]);
    assert.deepEqual(await findAll(page), []);
    while ((await found.getAttribute("aria-selected")) !== "true")
      await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");

    await page.waitForURL(new RegExp(`/chat/${id}$`));
    await waitForMatch(page, "Züri");
    const bar = page.getByRole("search", { name: "Find in chat" });
    await focused(page, bar.getByRole("textbox"));
    await page.keyboard.press("Escape");
    await bar.waitFor({ state: "detached" });
  });
});

test("messages follow the first chats, and the other chats can be shown", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/new");
    await composer(page).waitFor();
    for (let index = 0; index < 9; index += 1) await createChat(page, `Needle ${index}`, []);
    await createChat(page, "Travel plans", ["A needle in a message"]);

    await page.keyboard.press("Control+KeyK");
    await palette(page).fill("needle");
    await option(page, /A needle in a message/).waitFor();
    assert.equal(await option(page, /^Needle \d/).count(), 5);
    assert.deepEqual(await findAll(page), []);
    for (let index = 0; index < 5; index += 1) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");

    await option(page, "Needle 0").waitFor();
    assert.equal(await option(page, /^Needle \d/).count(), 9);
    await focused(page, palette(page));
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/chat\//);
  });
});

test("the palette searches only the selected chats, also on a phone", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/new");
    await composer(page).waitFor();
    await createChat(page, "New plans", ["A new needle"]);
    const id = await createChat(page, "Archived plans", ["An old needle 重点内容"]);
    await page.evaluate((id) => fetch(`/v1/chat/${id}`, { method: "DELETE" }), id);

    await page.keyboard.press("Control+KeyK");
    await palette(page).fill("needle");
    await option(page, /An old needle/).waitFor();
    const status = page.getByRole("combobox", { name: "Chats to search" });
    await status.selectOption("Active chats");
    await option(page, /An old needle/).waitFor({ state: "detached" });
    await option(page, /A new needle/).waitFor();
    await status.selectOption("Archived chats");
    await page.getByRole("combobox", { name: "Agent" }).selectOption({ index: 1 });
    await palette(page).fill("点");
    const dialog = page.getByRole("dialog", { name: "Search and commands" });
    const width = await dialog.evaluate((element) => element.scrollWidth - element.clientWidth);
    assert.equal(width, 0);
    assert.deepEqual(await findAll(page), []);
    await option(page, /An old needle/).click();

    await page.waitForURL(new RegExp(`/chat/${id}$`));
    await waitForMatch(page, "点");
  }, PHONE);
});

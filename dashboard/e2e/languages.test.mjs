import assert from "node:assert/strict";
import { test } from "node:test";
import { findAll } from "./axe.mjs";
import { ANSWER_MS, finished, focused, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

const field = (page) => page.locator("[data-composer]");

/** Waits until the page is shown in the language. */
const shownIn = (page, language) => page.locator(`html[lang="${language}"]`).waitFor();

/** Opens a new chat, sends a message, and waits for the answer. */
async function chatWith(page, text) {
  await page.goto("/new");
  await field(page).fill(text);
  await field(page).press("Enter");
  await page.waitForURL(/\/chat\/[0-9a-f-]{36}$/);
  await finished(page).first().waitFor({ timeout: ANSWER_MS });
}

/** Adds token usage to the answers, and fails attempts to send a message. */
async function changeResponses(page) {
  await page.route(/\/v1\/chat\/[0-9a-f-]{36}(\?|$)/, async (route) => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch();
    const fetched = await response.json();
    for (const message of fetched.messages ?? [])
      if (message.role === "assistant")
        message.usage = { input_tokens: 12345, output_tokens: 6789 };
    await route.fulfill({ response, json: fetched });
  });
  const json = { code: "queue_full", title: "Conflict", detail: "The queue is full." };
  await page.route("**/messages**", (route) =>
    route.request().method() === "POST" ? route.fulfill({ status: 409, json }) : route.fallback(),
  );
}

/** The parts of the page that the test checks, by the browser's locale. */
const translations = {
  "de-DE": {
    language: "de",
    message: "Nachricht",
    day: "Heute",
    answered: "Beantwortet",
    details: "Details",
    usage: "12.345 Eingabe-Tokens · 6.789 Ausgabe-Tokens",
    date: /^\p{L}+, \d{1,2}\. \p{L}+ \d{4} um \d{1,2}:\d{2}:\d{2}$/u,
    time: /^\d{1,2}:\d{2}$/,
    problem: "In diesem Chat sind zu viele Nachrichten in der Warteschlange.",
    settings: "Einstellungen",
    theme: "Design",
    done: "Fertig",
  },
  ja: {
    language: "ja",
    message: "メッセージ",
    day: "今日",
    answered: "回答済み",
    details: "詳細",
    usage: "入力 12,345トークン · 出力 6,789トークン",
    date: /^\d{4}年\d{1,2}月\d{1,2}日.曜日 \d{1,2}:\d{2}:\d{2}$/,
    time: /^\d{1,2}:\d{2}$/,
    problem: "このチャットで待機中のメッセージが多すぎます。",
    settings: "設定",
    theme: "テーマ",
    done: "完了",
  },
};

for (const [locale, words] of Object.entries(translations))
  test(`the page is shown in the browser's language: ${locale}`, TIMEOUT, async () => {
    await withTestApp(
      async ({ page }) => {
        await chatWith(page, "/echo Hello");
        await shownIn(page, words.language);
        await changeResponses(page);
        await page.reload();

        await page.getByRole("textbox", { name: words.message, exact: true }).waitFor();
        await thread(page).getByText(words.answered, { exact: true }).waitFor();
        await page.getByRole("navigation").getByText(words.day, { exact: true }).waitFor();
        const time = page.getByRole("navigation").locator("time").first();
        await time.waitFor();
        const clock = await thread(page).locator("[data-finished] time").first().innerText();
        assert.match(clock, words.time);
        await thread(page).getByRole("button", { name: words.details }).click();
        await thread(page).getByText(words.usage, { exact: true }).waitFor();
        assert.match(
          await thread(page).locator("[data-finished] time").first().getAttribute("title"),
          words.date,
        );
        await field(page).fill("One more");
        await field(page).press("Enter");
        await thread(page).getByText(words.problem).waitFor();
        assert.deepEqual(await findAll(page), [], "axe in the chat");

        await page.getByRole("button", { name: words.settings }).click();
        const settings = page.getByRole("dialog", { name: words.settings });
        await settings.getByText(words.theme, { exact: true }).waitFor();
        await settings.getByRole("button", { name: words.done }).waitFor();
        assert.deepEqual(await findAll(page), [], "axe in the settings");
      },
      { context: { locale, viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" } },
    );
  });

test("changing the language keeps the open chat and its draft", TIMEOUT, async () => {
  await withTestApp(async ({ page, context }) => {
    await chatWith(page, "/echo Hello");
    const other = await context.newPage();
    await other.goto(page.url());
    await field(other).waitFor();
    await field(page).fill("half a thought");

    await page.getByRole("button", { name: "Settings" }).click();
    const language = page.getByRole("combobox", { name: "Language" });
    assert.equal(await language.inputValue(), "auto");
    await language.selectOption("Deutsch");

    await page.getByRole("dialog", { name: "Einstellungen" }).waitFor();
    await focused(page, page.getByRole("combobox", { name: "Sprache" }));
    assert.equal(await page.getByRole("combobox", { name: "Sprache" }).inputValue(), "de");
    await shownIn(page, "de");
    await page.getByRole("button", { name: "Fertig" }).click();
    await thread(page).getByText("Beantwortet", { exact: true }).waitFor();
    assert.equal(await field(page).inputValue(), "half a thought");
    await shownIn(other, "de");
    await other.getByRole("textbox", { name: "Nachricht", exact: true }).waitFor();

    await page.reload();
    await page.getByRole("textbox", { name: "Nachricht", exact: true }).waitFor();
    assert.equal(await field(page).inputValue(), "half a thought");

    await page.getByRole("button", { name: "Einstellungen" }).click();
    await page.getByRole("combobox", { name: "Sprache" }).selectOption("System");
    await page.getByRole("dialog", { name: "Settings" }).waitFor();
    await shownIn(other, "en");
  });
});

test("changing the language does not interrupt an answer", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/new");
    await field(page).fill("/slow 600");
    await field(page).press("Enter");
    await page.waitForURL(/\/chat\/[0-9a-f-]{36}$/);
    const live = page.locator("[data-live]");
    await live.getByText("3 4 5").waitFor({ timeout: ANSWER_MS });

    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("combobox", { name: "Language" }).selectOption("日本語");
    await page.getByRole("button", { name: "完了" }).click();

    await thread(page).getByText("回答中").waitFor();
    const text = await live.innerText();
    await page.waitForFunction(
      (before) => document.querySelector("[data-live]").innerText.length > before,
      text.length,
    );
    await page.getByRole("button", { name: "停止" }).click();
    await thread(page).getByText("停止しました").first().waitFor({ timeout: ANSWER_MS });
  });
});

test("a reload without the server keeps the language", TIMEOUT, async () => {
  await withTestApp(
    async ({ page, server }) => {
      await chatWith(page, "/echo Hello");
      await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
      await page.getByRole("button", { name: "Settings" }).click();
      await page.getByRole("combobox", { name: "Language" }).selectOption("日本語");
      await page.getByRole("dialog", { name: "設定" }).waitFor();

      server.network.down(true);
      await page.reload();

      await page.getByRole("textbox", { name: "メッセージ", exact: true }).waitFor();
      await page
        .getByText("再接続中…")
        .filter({ visible: true })
        .first()
        .waitFor({ timeout: ANSWER_MS });
    },
    { hasNetwork: true, hasServiceWorker: true },
  );
});

test("a language that cannot be loaded is reported and not kept", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await chatWith(page, "/echo Hello");
    await page.getByRole("button", { name: "Settings" }).click();
    const language = page.getByRole("combobox", { name: "Language" });
    await language.waitFor();
    await page.route("**/assets/*.js", (route) => route.abort());

    await language.selectOption("Deutsch");

    await page.getByText("Couldn’t load this language.").waitFor();
    assert.equal(await language.inputValue(), "auto");
    await page.unroute("**/assets/*.js");
    await page.reload();
    await page.getByRole("textbox", { name: "Message", exact: true }).waitFor();
  });
});

/** Returns the horizontal edges of an element. */
async function edges(locator) {
  const { x, width } = await locator.boundingBox();
  return { left: x, right: x + width };
}

const MIRRORED = `- مرحبا
- عالم

| اسم | قيمة |
|---|---|
| أ | ب |

مرحبا

\`\`\`sh
ls -la
\`\`\``;

test("the page is mirrored for a language written from right to left", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await chatWith(page, `/echo ${MIRRORED}`);
      await page.evaluate(() => {
        document.documentElement.dir = "rtl";
      });
      const answer = finished(page).first();
      await answer.locator("table").waitFor();

      const main = await edges(page.getByRole("main"));
      const sidebar = await edges(page.locator("[data-sidebar]"));
      assert.ok(sidebar.left >= main.right - 1, "the sidebar is on the right");

      const log = await edges(thread(page));
      const user = await edges(thread(page).locator("[data-user]"));
      const middle = (log.left + log.right) / 2;
      assert.ok(user.left < middle, "the user's messages are on the left");
      const heading = await edges(answer.locator("li").first());
      const list = await edges(answer.locator("ul").first());
      assert.ok(list.right - heading.right > 10, "list markers are on the right");
      const [first, second] = await Promise.all([
        edges(answer.locator("th").nth(0)),
        edges(answer.locator("th").nth(1)),
      ]);
      assert.ok(first.left >= second.right - 1, "the first column is on the right");
      assert.equal(
        await answer.locator("pre code").evaluate((code) => getComputedStyle(code).direction),
        "ltr",
      );

      await field(page).fill("مرحبا");
      const composer = await edges(field(page));
      const send = await edges(page.getByRole("button", { name: "Send" }));
      assert.ok(send.right <= composer.left, "Send is to the left of the field");
      const style = (name) => field(page).evaluate((one, key) => getComputedStyle(one)[key], name);
      await field(page).fill("");
      assert.equal(await style("direction"), "rtl", "the direction of the placeholder");

      const header = page.locator("main header");
      await header.getByRole("button", { name: "More actions" }).click();
      const button = await edges(header.getByRole("button", { name: "More actions" }));
      const menu = await edges(page.getByRole("menu").filter({ visible: true }));
      assert.ok(Math.abs(menu.left - button.left) < 9, "the menu opens toward the right");
      await page.keyboard.press("Escape");

      await page.getByRole("button", { name: "Settings" }).click();
      const toggle = page.getByRole("switch");
      const label = await edges(page.getByText("Notifications", { exact: true }));
      assert.ok((await edges(toggle)).right <= label.right, "the switch is on the left");
      assert.deepEqual(await findAll(page), []);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.equal(overflow, 0);
    },
    { context: { viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" } },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANSWER_MS,
  answered,
  composer,
  finished,
  focused,
  live,
  send,
  startChat,
  thread,
} from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

test("Send now stops the running answer for the first queued message", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await send(page, "/echo first");
    await thread(page).getByText("Queued #1").waitFor();
    await send(page, "/echo second");
    await thread(page).getByText("Queued #2").waitFor();
    const button = thread(page).getByRole("button", { name: "Send now" });
    assert.equal(await button.count(), 1);

    await button.click();

    await finished(page).nth(2).waitFor({ timeout: ANSWER_MS });
    await thread(page).getByText("Stopped").waitFor();
    await thread(page).getByText("second", { exact: true }).waitFor();
    assert.equal(await thread(page).getByRole("button", { name: "Continue" }).count(), 0);
  });
});

test("a stopped answer can be continued with a new message", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    // Esc also stops the answer if the focus is not in a field.
    await thread(page).press("Escape");

    await thread(page).getByRole("button", { name: "Continue" }).click();

    await thread(page).getByText("Continue", { exact: true }).first().waitFor();
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await answered(page).waitFor();
  });
});

test("the up arrow in an empty composer edits the newest queued message", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await send(page, "one");
    await thread(page).getByText("Queued #1").waitFor();
    await send(page, "two");
    await thread(page).getByText("Queued #2").waitFor();
    await composer(page).fill("text");
    await composer(page).press("ArrowUp");
    const editor = page.getByRole("textbox", { name: "Edit queued message" });
    assert.equal(await editor.count(), 0);
    await composer(page).fill("");

    await composer(page).press("ArrowUp");
    await focused(page, editor);
    assert.equal(await editor.inputValue(), "two");
    await editor.fill("three");
    await editor.press("Enter");

    await focused(page, composer(page));
    await thread(page).getByText("three", { exact: true }).waitFor();
    await thread(page).getByText("Edited").waitFor();
  });
});

test("only the newest message has a receipt, and times are shown on hover", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo one");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await send(page, "/echo two");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await answered(page).waitFor();
    assert.equal(await answered(page).count(), 1);

    const opacityOf = (target) =>
      target.evaluate(
        (element) =>
          new Promise((resolve) => {
            const parent = element.parentElement;
            const read = () => resolve(Number(getComputedStyle(parent).opacity));
            const running = parent.getAnimations();
            Promise.all(running.map(({ finished }) => finished.catch(() => {}))).then(read);
          }),
      );
    const time = finished(page).first().locator("time");
    await page.mouse.move(0, 0);
    assert.equal(await opacityOf(time), 0);
    await finished(page).first().hover();
    assert.equal(await opacityOf(time), 1);
  });
});

test("messages and answers can be copied", TIMEOUT, async () => {
  await withTestApp(async ({ page, context, url }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
    await startChat(page, "/echo some **bold** text");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await thread(page)
      .locator("[data-answer] strong, [data-answer] [data-streamdown]")
      .first()
      .waitFor();
    const read = () =>
      page.evaluate(async () => {
        const [item] = await navigator.clipboard.read();
        const get = async (type) =>
          item.types.includes(type) ? (await item.getType(type)).text() : null;
        return { text: await get("text/plain"), html: await get("text/html") };
      });

    const copy = thread(page).getByRole("button", { name: "Copy" });
    await copy.first().click();
    await thread(page).getByText("Copied").waitFor();
    assert.equal((await read()).text, "/echo some **bold** text");
    await copy.last().click();
    await thread(page).getByText("Copied").nth(1).waitFor();
    const { text, html } = await read();
    assert.equal(text, "some **bold** text");
    assert.match(html, /some <(strong|span)[^>]*>bold<\/(strong|span)> text/);
  });
});

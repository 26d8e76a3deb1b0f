import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, composer, focused, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

async function open(page) {
  await startChat(page, "/long");
  await answered(page).waitFor({ timeout: ANSWER_MS });
  return page.context().newCDPSession(page);
}

/** Composes and commits text in the focused element, as an IME does. */
async function compose(input, text) {
  for (let end = 1; end <= text.length; end += 1) {
    const part = text.slice(0, end);
    const selection = { selectionStart: end, selectionEnd: end };
    await input.send("Input.imeSetComposition", { text: part, ...selection });
  }
  await input.send("Input.insertText", { text });
}

test("an IME composition after a click on the thread goes to the composer", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const input = await open(page);

    await thread(page).getByText("The end.").last().click();
    await compose(input, "にほん");

    assert.equal(await composer(page).inputValue(), "にほん");
    await page.keyboard.press("Control+KeyA");
    await page.keyboard.press("Delete");
    const scrollTop = () => thread(page).evaluate((log) => log.scrollTop);
    const end = await scrollTop();
    await page.keyboard.press("PageUp");
    assert.ok((await scrollTop()) < end, "keys still scroll the thread");
  });
});

test("the start of an IME composition moves the focus to the composer", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const input = await open(page);
    for (const key of ["Process", "Dead"]) {
      await composer(page).fill("");
      await thread(page).focus();
      await focused(page, thread(page));
      const code = { windowsVirtualKeyCode: key === "Process" ? 229 : 222, code: "KeyN" };

      await input.send("Input.dispatchKeyEvent", { type: "rawKeyDown", key, ...code });
      await compose(input, "に");

      assert.equal(await composer(page).inputValue(), "に", key);
    }
  });
});

test("selecting text in the thread does not move the focus", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await open(page);

    await thread(page).getByText("The end.").last().dblclick();

    assert.notEqual(await page.evaluate(() => getSelection().toString().trim()), "");
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { attach, drawImage, uploaded } from "./attachments.mjs";
import { findAll } from "./axe.mjs";
import { ANSWER_MS, composer, finished, focused, send, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** The element of a user's message with this text, with its actions. */
const turnOf = (page, text) =>
  thread(page)
    .locator("[data-index]")
    .filter({ has: page.locator("[data-user]").getByText(text, { exact: true }) });
const answer = (page, text) => thread(page).getByText(text, { exact: true });
const versions = (page) => page.getByRole("group", { name: "Versions of this message" });

/** Edits a message with the mouse. */
async function edit(page, from, to) {
  await turnOf(page, from).locator("[data-user]").hover();
  await turnOf(page, from).getByRole("button", { name: "Edit", exact: true }).click();
  const editor = page.getByRole("textbox", { name: "Edit message" });
  await editor.fill(to);
  await editor.press("Enter");
}

test("an edited message is answered again, and the versions stay", TIMEOUT, async () => {
  await withTestApp(async ({ page, context }) => {
    await startChat(page, "/echo one");
    await finished(page).first().waitFor({ timeout: ANSWER_MS });
    await send(page, "/echo two");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    const other = await context.newPage();
    await other.goto(page.url());
    await answer(other, "two").waitFor();

    await edit(page, "/echo one", "/echo three");

    await answer(page, "three").waitFor({ timeout: ANSWER_MS });
    assert.equal(await answer(page, "two").count(), 0);
    for (const view of [page, other])
      await versions(view).getByText("Version 2 of 2").waitFor({ state: "attached" });
    assert.equal(await answer(other, "two").count(), 0);
    await versions(page).getByRole("button", { name: "Previous version" }).click();
    for (const view of [page, other]) await answer(view, "two").waitFor();
    assert.equal(await answer(page, "three").count(), 0);
    await page.reload();
    await versions(page).getByText("Version 1 of 2").waitFor({ state: "attached" });
    await answer(page, "two").waitFor();
  });
});

test("regenerating keeps the earlier answer", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo again");
    await finished(page).first().waitFor({ timeout: ANSWER_MS });
    await finished(page).first().getByRole("button", { name: "Regenerate" }).click();

    await versions(page).getByText("Version 2 of 2").waitFor({ state: "attached" });
    await answer(page, "again").waitFor({ timeout: ANSWER_MS });
    await send(page, "/slow 60");
    const previous = versions(page).getByRole("button", { name: "Previous version" });
    await page.waitForFunction(() =>
      document.querySelector("[data-versions] button")?.title.startsWith("Available after"),
    );
    assert.equal(await previous.getAttribute("aria-disabled"), "true");
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.waitForFunction(
      () =>
        document.querySelector("[data-versions] button")?.getAttribute("aria-disabled") === "false",
    );
  });
});

test("an edit can remove files, and Escape keeps the message", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/new");
    const notes = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("notes") };
    await attach(page, await drawImage(page, "red.png", 200, 100, "#c00"), notes);
    await uploaded(page, "notes.txt").waitFor();
    await send(page, "Look");
    await finished(page).first().waitFor({ timeout: ANSWER_MS });
    const open = async () => {
      await turnOf(page, "Look").locator("[data-user]").hover();
      await turnOf(page, "Look").getByRole("button", { name: "Edit", exact: true }).click();
    };
    const editor = page.getByRole("textbox", { name: "Edit message" });

    await open();
    await editor.fill("Something else");
    await editor.press("Escape");
    await turnOf(page, "Look").waitFor();
    await open();
    await page.getByRole("button", { name: "Remove red.png" }).click();
    await focused(page, editor);
    await editor.fill("Look again");
    await page.reload();
    await editor.waitFor();
    assert.equal(await editor.inputValue(), "Look again");
    await editor.fill("Look");
    assert.equal(await page.getByRole("button", { name: "Remove red.png" }).count(), 0);
    await editor.press("Enter");

    await versions(page).getByText("Version 2 of 2").waitFor({ state: "attached" });
    assert.equal(await turnOf(page, "Look").getByRole("img", { name: "red.png" }).count(), 0);
    await turnOf(page, "Look").getByText("notes.txt").first().waitFor();
    await versions(page).getByRole("button", { name: "Previous version" }).click();
    await turnOf(page, "Look").getByRole("img", { name: "red.png" }).waitFor();
  });
});

test("two messages can be edited at once, and a reload keeps both texts", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo one");
    await finished(page).first().waitFor({ timeout: ANSWER_MS });
    await send(page, "/echo two");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    const editors = page.getByRole("textbox", { name: "Edit message" });
    for (const [index, text] of ["/echo one", "/echo two"].entries()) {
      await turnOf(page, text).locator("[data-user]").hover();
      await turnOf(page, text).getByRole("button", { name: "Edit", exact: true }).click();
      await editors.nth(index).fill(`${text}, changed`);
    }
    await page.reload();
    await editors.nth(1).waitFor();
    assert.equal(await editors.first().inputValue(), "/echo one, changed");
    assert.equal(await editors.nth(1).inputValue(), "/echo two, changed");
    const isFocused = await page.evaluate(
      () => document.activeElement?.ariaLabel === "Edit message",
    );
    assert.equal(isFocused, false, "an editor took the focus");
  });
});

test("a discarded edit can be restored, and survives closing the tab", TIMEOUT, async () => {
  await withTestApp(async ({ page, context }) => {
    await startChat(page, "/echo one");
    await finished(page).first().waitFor({ timeout: ANSWER_MS });
    const editor = page.getByRole("textbox", { name: "Edit message" });
    const height = () => editor.evaluate((field) => field.clientHeight);
    await turnOf(page, "/echo one").locator("[data-user]").hover();
    await turnOf(page, "/echo one").getByRole("button", { name: "Edit", exact: true }).click();
    const before = await height();
    const text = "/echo a long line that wraps ".repeat(12).trim();
    await editor.fill(text);
    const after = await height();
    assert.ok(after >= before + 40, `${before} px, then ${after} px high`);

    await editor.press("Escape");
    await page.getByText("Edit discarded").waitFor();
    await editor.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).click();

    await focused(page, editor);
    assert.equal(await editor.inputValue(), text);
    const url = page.url();
    const other = await context.newPage();
    await page.close();
    await other.goto(url);
    const kept = other.getByRole("textbox", { name: "Edit message" });
    await kept.waitFor();
    assert.equal(await kept.inputValue(), text);
    await kept.fill("/echo one");
    await kept.press("Escape");
    await kept.waitFor({ state: "detached" });
    assert.equal(await other.getByText("Edit discarded").count(), 0);
    assert.equal(await other.evaluate(() => localStorage.getItem("banter.edits.local")), null);
  });
});

test("files can be added to an edit", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "Look");
    await finished(page).first().waitFor({ timeout: ANSWER_MS });
    await turnOf(page, "Look").locator("[data-user]").hover();
    await turnOf(page, "Look").getByRole("button", { name: "Edit", exact: true }).click();
    const editor = page.getByRole("textbox", { name: "Edit message" });
    const form = page.locator("[data-message-form]");
    const file = (name) => ({ name, mimeType: "text/plain", buffer: Buffer.from(name) });
    await form.locator('input[type="file"]').setInputFiles([file("notes.txt"), file("other.txt")]);
    await form.getByRole("button", { name: "Remove other.txt" }).waitFor();
    await form.getByRole("progressbar").first().waitFor({ state: "detached" });
    assert.deepEqual(await findAll(page), []);

    await form.getByRole("button", { name: "Remove other.txt" }).click();
    await focused(page, editor);
    await editor.press("Escape");
    await page.getByRole("button", { name: "Undo" }).click();
    await form.getByText("notes.txt").waitFor();
    await form.getByRole("button", { name: "Send", exact: true }).click();

    await versions(page).getByText("Version 2 of 2").waitFor({ state: "attached" });
    await turnOf(page, "Look").getByText("notes.txt").first().waitFor();
    assert.equal(await turnOf(page, "Look").getByText("other.txt").count(), 0);
    assert.equal(await page.evaluate(() => localStorage.getItem("banter.edits.local")), null);
  });
});

test("the version switcher keeps the focus", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo one");
    await finished(page).first().waitFor({ timeout: ANSWER_MS });
    await edit(page, "/echo one", "/echo two");
    await answer(page, "two").waitFor({ timeout: ANSWER_MS });
    await versions(page).getByText("Version 2 of 2").waitFor({ state: "attached" });
    const button = (name) => versions(page).getByRole("button", { name });

    await button("Previous version").focus();
    await page.keyboard.press("Enter");
    await answer(page, "one").waitFor();
    await focused(page, button("Previous version"));
    await button("Next version").focus();
    await page.keyboard.press("Enter");

    await answer(page, "two").waitFor();
    await focused(page, button("Next version"));
  });
});

test("a message stays in its place when its version changes", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const lines = Array.from({ length: 30 }, (_, index) => `- line ${index}`).join("\n");
    await startChat(page, `/echo ${lines}`);
    await finished(page).first().waitFor({ timeout: ANSWER_MS });
    await send(page, "/echo middle");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    for (let count = 2; count < 5; count += 1) {
      await send(page, `/echo ${lines}`);
      await finished(page).nth(count).waitFor({ timeout: ANSWER_MS });
    }
    await edit(page, "/echo middle", "/echo other");
    await answer(page, "other").waitFor({ timeout: ANSWER_MS });
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    // The thread moves until the answer has got its footer.
    const top = () =>
      versions(page).evaluate(async (element) => {
        let [last, same] = [0, 0];
        while (same < 10) {
          await new Promise(requestAnimationFrame);
          const { y } = element.getBoundingClientRect();
          same = y === last ? same + 1 : 0;
          last = y;
        }
        return last;
      });

    for (const [name, text] of [
      ["Previous version", "middle"],
      ["Next version", "other"],
      ["Previous version", "middle"],
    ]) {
      const before = await top();
      await versions(page).getByRole("button", { name }).click();
      await answer(page, text).waitFor();
      await page.waitForFunction(
        (expected) => {
          const shown = document.querySelector("[data-versions]")?.getBoundingClientRect().y ?? 0;
          return Math.abs(shown - expected) < 4;
        },
        before,
        { timeout: 5000 },
      );
    }
  });
});

test("versions are switched by keyboard", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo one");
    await finished(page).first().waitFor({ timeout: ANSWER_MS });
    await edit(page, "/echo one", "/echo two");
    await answer(page, "two").waitFor({ timeout: ANSWER_MS });
    const previous = versions(page).getByRole("button", { name: "Previous version" });
    // Versions cannot be switched before the task has ended.
    await versions(page).locator('button[aria-disabled="false"]').waitFor();

    await composer(page).focus();
    for (let count = 0; count < 30; count += 1) {
      await page.keyboard.press("Shift+Tab");
      if (await previous.evaluate((element) => element === document.activeElement)) break;
    }
    await page.keyboard.press("Enter");
    await answer(page, "one").waitFor();
    assert.deepEqual(await findAll(page), []);
  });
});

test("messages are edited and versions switched by touch on a phone", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await page.goto("/new");
      await composer(page).fill("/echo one");
      await page.getByRole("button", { name: "Send", exact: true }).tap();
      await finished(page).first().waitFor({ timeout: ANSWER_MS });
      await turnOf(page, "/echo one").getByRole("button", { name: "Edit", exact: true }).tap();
      const editor = page.getByRole("textbox", { name: "Edit message" });
      assert.deepEqual(await findAll(page), []);
      await editor.fill("/echo two");
      await page.getByRole("button", { name: "Send", exact: true }).first().tap();
      await answer(page, "two").waitFor({ timeout: ANSWER_MS });
      await versions(page).getByRole("button", { name: "Previous version" }).tap();
      await answer(page, "one").waitFor();
      assert.deepEqual(await findAll(page), []);
    },
    { context: PHONE },
  );
});

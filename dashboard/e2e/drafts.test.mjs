import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, composer, startChat } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

/** Waits until the composer contains this text. */
const waitForText = (page, text) =>
  page.waitForFunction(
    (wanted) => document.querySelector('textarea[aria-label="Message"]')?.value === wanted,
    text,
  );

async function openTwice({ page, context }) {
  await startChat(page, "/echo hello");
  await answered(page).waitFor({ timeout: ANSWER_MS });
  const other = await context.newPage();
  await other.goto(page.url());
  await answered(other).waitFor({ timeout: ANSWER_MS });
  return other;
}

test("a draft appears in other tabs of the chat and can be continued there", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page } = app;
    const other = await openTwice(app);

    await composer(other).pressSequentially("a long thought");
    await waitForText(page, "a long thought");
    await composer(page).press("End");
    await composer(page).pressSequentially("x");
    await waitForText(other, "a long thoughtx");
    await other.reload();

    await waitForText(other, "a long thoughtx");
    await other.getByRole("button", { name: "Send" }).click();
    await waitForText(page, "");
  });
});

test("a draft that another tab replaces can be restored", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page } = app;
    const other = await openTwice(app);
    await composer(other).fill("a long thought");
    await waitForText(page, "a long thought");

    await composer(page).fill("x");

    const note = (tab) => tab.getByRole("status").filter({ hasText: "different draft" });
    await waitForText(other, "x");
    await other.reload();
    await note(other).getByText("a long thought").waitFor();
    await other.getByRole("button", { name: "Use that draft" }).click();
    await waitForText(other, "a long thought");
    await waitForText(page, "a long thought");
    await note(page).getByText("x", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Dismiss" }).click();
    await note(other).waitFor({ state: "detached" });
    assert.equal(await composer(other).inputValue(), "a long thought");
  });
});

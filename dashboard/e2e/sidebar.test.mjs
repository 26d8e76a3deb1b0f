import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, composer, focused, startChat } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

const list = (page) => page.getByRole("navigation", { name: "Chats" });
const border = (page) => page.getByRole("separator", { name: "Resize sidebar" });
const hasWidth = (page, wanted) =>
  page.waitForFunction((width) => {
    const shown = document.querySelector("[data-sidebar]");
    return shown && Math.abs(shown.getBoundingClientRect().width - width) <= 2;
  }, wanted);

test("the sidebar can be hidden and shown by button and by keyboard", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const show = page.getByRole("button", { name: "Show sidebar" });

    await page.getByRole("button", { name: "Hide sidebar" }).click();
    await list(page).waitFor({ state: "hidden" });
    await focused(page, show);
    await page.reload();
    await show.waitFor();
    assert.equal(await list(page).isVisible(), false);
    await show.click();
    await list(page).waitFor();

    await composer(page).focus();
    await page.keyboard.press("Control+Backslash");
    await list(page).waitFor({ state: "hidden" });
    await focused(page, composer(page));
    await page.keyboard.press("Control+Backslash");
    await list(page).waitFor();

    // A phone shows the list even if the sidebar is hidden on wide screens.
    await page.keyboard.press("Control+Backslash");
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto("/");
    await list(page).waitFor();
    assert.equal(await show.isVisible(), false);
  });
});

test(
  "the composer does not take the focus from the user when the page has loaded",
  TIMEOUT,
  async () => {
    await withTestApp(
      async ({ page }) => {
        let answer = () => {};
        const isReleased = new Promise((resolve) => {
          answer = resolve;
        });
        await page.route("**/assets/new-chat-page-*.js", async (route) => {
          await isReleased;
          await route.continue();
        });
        await page.goto("/");
        await border(page).focus();
        assert.equal(await composer(page).count(), 0);

        answer();
        await composer(page).waitFor();

        await focused(page, border(page));
        await page.reload();
        await focused(page, composer(page));
      },
      { context: { viewport: { width: 1280, height: 800 } } },
    );
  },
);

test("the sidebar is resized by mouse and keyboard and keeps its width", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await page.goto("/");
      await hasWidth(page, 320);
      const { x, y, width } = await border(page).boundingBox();
      await page.mouse.move(x + width / 2, y + 300);
      await page.mouse.down();
      await page.mouse.move(400, y + 320, { steps: 4 });
      await page.mouse.up();
      await hasWidth(page, 400);

      await border(page).focus();
      await page.keyboard.press("ArrowRight");
      await hasWidth(page, 416);
      assert.equal(await border(page).getAttribute("aria-valuenow"), "416");
      await page.reload();
      await hasWidth(page, 416);

      await border(page).focus();
      await page.keyboard.press("Home");
      await hasWidth(page, 256);
      await page.keyboard.press("ArrowLeft");
      await hasWidth(page, 256);
      await page.keyboard.press("End");
      await hasWidth(page, 520);
      await page.setViewportSize({ width: 800, height: 800 });
      await hasWidth(page, 400);
      await page.setViewportSize({ width: 1280, height: 800 });
      await border(page).dblclick();
      await hasWidth(page, 320);
    },
    { context: { viewport: { width: 1280, height: 800 } } },
  );
});

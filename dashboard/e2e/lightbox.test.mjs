import assert from "node:assert/strict";
import { test } from "node:test";
import { attach, drawImage, uploaded } from "./attachments.mjs";
import { findAll } from "./axe.mjs";
import { ANSWER_MS, answered, composer, finished, focused, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const phone = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
  reducedMotion: "reduce",
};

const dialog = (page) => page.getByRole("dialog");
const shown = (page, name) => dialog(page).getByRole("img", { name });
const inThread = (page, name) => thread(page).getByRole("link", { name });
const button = (page, name) => dialog(page).getByRole("button", { name });

/** Sends three images in two messages, and waits for the answers. */
async function sendImages(page) {
  await page.goto("/new");
  await composer(page).waitFor();
  const wide = await drawImage(page, "wide.png", 1600, 600, "#4338ca");
  const tall = await drawImage(page, "tall.png", 600, 1600, "#0f766e");
  const small = await drawImage(page, "small.png", 300, 200, "#92400e");
  await attach(page, wide, tall);
  await uploaded(page, "wide.png").waitFor();
  await uploaded(page, "tall.png").waitFor();
  await composer(page).fill("/echo one");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.waitForURL(/\/chat\//);
  await answered(page).waitFor({ timeout: ANSWER_MS });
  await attach(page, small);
  await uploaded(page, "small.png").waitFor();
  await composer(page).fill("/echo two");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
}

/** Waits until an image in the dialog is loaded and has stopped moving. */
async function loaded(page, name) {
  await shown(page, name).waitFor();
  await page.waitForFunction(
    (image) => image.complete && image.naturalWidth > 0,
    await shown(page, name).elementHandle(),
  );
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {}))),
  );
}

const boxOf = async (page, name) => {
  await loaded(page, name);
  return shown(page, name).boundingBox();
};

/** Returns the center of an element. */
async function centerOf(target) {
  const { x, y, width, height } = await target.boundingBox();
  return { x: x + width / 2, y: y + height / 2 };
}

/** Moves fingers along straight lines. Each finger is a pair of points. */
async function moveFingers(page, ...fingers) {
  const client = await page.context().newCDPSession(page);
  const touch = (type, touchPoints) =>
    client.send("Input.dispatchTouchEvent", { type, touchPoints });
  const at = (part) =>
    fingers.map(([from, to], id) => ({
      id,
      x: from.x + (to.x - from.x) * part,
      y: from.y + (to.y - from.y) * part,
    }));
  await touch("touchStart", at(0));
  for (let step = 1; step <= 8; step += 1) await touch("touchMove", at(step / 8));
  await touch("touchEnd", []);
  await client.detach();
}

test("the images of a chat are shown large, with the keyboard only", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await sendImages(page);

      await inThread(page, "wide.png").focus();
      await page.keyboard.press("Enter");
      const wide = await boxOf(page, "wide.png");
      assert.ok(wide.width > 900, `the image is ${wide.width} px wide`);
      await dialog(page).getByText("1 of 3").waitFor();
      await focused(page, button(page, "Close"));
      assert.deepEqual(await findAll(page), []);

      await page.keyboard.press("ArrowLeft");
      await dialog(page).getByText("1 of 3").waitFor();
      await page.keyboard.press("ArrowRight");
      await loaded(page, "tall.png");
      await page.keyboard.press("End");
      await loaded(page, "small.png");
      await dialog(page).getByText("3 of 3").waitFor();
      assert.ok(await button(page, "Next image").isDisabled());
      const small = await boxOf(page, "small.png");
      assert.deepEqual([small.width, small.height], [300, 200]);

      await page.keyboard.press("Home");
      await loaded(page, "wide.png");
      await page.keyboard.press("+");
      await page.keyboard.press("+");
      await button(page, "225%").waitFor();
      const zoomed = await boxOf(page, "wide.png");
      assert.ok(Math.abs(zoomed.width - 2.25 * wide.width) < 1);
      await page.keyboard.press("Shift+ArrowRight");
      assert.equal(Math.round((await boxOf(page, "wide.png")).x), Math.round(zoomed.x - 80));
      await page.keyboard.press("-");
      await button(page, "150%").waitFor();
      await page.keyboard.press("0");
      await button(page, "100%").waitFor();
      assert.deepEqual(await boxOf(page, "wide.png"), wide);

      const download = page.waitForEvent("download");
      await dialog(page).getByRole("link", { name: "Download wide.png" }).press("Enter");
      assert.equal((await download).suggestedFilename(), "wide.png");
      await page.keyboard.press("Escape");
      await dialog(page).waitFor({ state: "detached" });
      await focused(page, inThread(page, "wide.png"));
    },
    { context: { reducedMotion: "reduce" } },
  );
});

test(
  "an image is zoomed with the mouse, moved, and closed by a click next to it",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page }) => {
      await sendImages(page);
      await inThread(page, "tall.png").click();
      const fitted = await boxOf(page, "tall.png");
      const center = await centerOf(shown(page, "tall.png"));

      await page.mouse.dblclick(center.x, center.y + 50);
      await button(page, "100%").waitFor({ state: "detached" });
      assert.ok((await boxOf(page, "tall.png")).height > 2 * fitted.height);
      await page.mouse.dblclick(center.x, center.y);
      await button(page, "100%").waitFor();

      await page.mouse.move(center.x, center.y);
      await page.mouse.wheel(0, -500);
      await button(page, "100%").waitFor({ state: "detached" });
      const before = await boxOf(page, "tall.png");
      await page.mouse.down();
      await page.mouse.move(center.x, center.y + 60, { steps: 4 });
      await page.mouse.up();
      const moved = await boxOf(page, "tall.png");
      assert.ok(Math.abs(moved.y - before.y - 60) <= 1, `moved by ${moved.y - before.y} px`);
      await dialog(page).waitFor();

      await button(page, "Next image").click();
      await loaded(page, "small.png");
      await page.mouse.click(center.x - 400, center.y);
      await dialog(page).waitFor({ state: "detached" });
      await focused(page, inThread(page, "tall.png"));
    });
  },
);

test("images are zoomed, changed, and closed by touch", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await sendImages(page);
      await inThread(page, "wide.png").tap();
      const fitted = await boxOf(page, "wide.png");
      const { x, y } = await centerOf(shown(page, "wide.png"));
      assert.deepEqual(await findAll(page), []);

      await moveFingers(page, [
        { x: x + 100, y },
        { x: x - 100, y: y + 5 },
      ]);
      await loaded(page, "tall.png");
      await moveFingers(page, [
        { x: x - 100, y },
        { x: x + 100, y },
      ]);
      await loaded(page, "wide.png");

      await moveFingers(
        page,
        [
          { x: x - 30, y },
          { x: x - 90, y },
        ],
        [
          { x: x + 30, y },
          { x: x + 90, y },
        ],
      );
      await button(page, "100%").waitFor({ state: "detached" });
      const pinched = await boxOf(page, "wide.png");
      assert.ok(pinched.width > 2 * fitted.width, `the image is ${pinched.width} px wide`);
      await moveFingers(page, [
        { x: x + 100, y },
        { x: x - 100, y },
      ]);
      assert.ok((await boxOf(page, "wide.png")).x < pinched.x);
      await dialog(page).getByText("1 of 3").waitFor();

      await page.touchscreen.tap(x, y);
      await page.touchscreen.tap(x, y);
      await button(page, "100%").waitFor();
      await moveFingers(page, [
        { x, y },
        { x: x + 5, y: y + 200 },
      ]);
      await dialog(page).waitFor({ state: "detached" });
      await focused(page, inThread(page, "wide.png"));
    },
    { context: phone },
  );
});

test("an image that fails to load can be loaded again", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await sendImages(page);
    await page.route(/\/v1\/attachments\/[^?]+$/, (route) => route.abort());
    await inThread(page, "small.png").click();
    await dialog(page).getByText("Couldn’t load this image.").waitFor();
    assert.deepEqual(await findAll(page), []);

    await page.unroute(/\/v1\/attachments\/[^?]+$/);
    await button(page, "Retry").click();
    await loaded(page, "small.png");
    await page.keyboard.press("Escape");
    await focused(page, inThread(page, "small.png"));
  });
});

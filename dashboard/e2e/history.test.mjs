import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, composer, live, send, startChat, thread } from "./chat.mjs";
import { waitForEnd, withHistory } from "./long-history.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
async function scrollTo(page, top) {
  await thread(page).evaluate((log, to) => log.scrollTo({ top: to }), top);
}

test("loading older turns does not move the visible ones", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    let letThrough = () => {};
    const held = new Promise((resolve) => {
      letThrough = resolve;
    });
    await withHistory(page, { gate: () => held });
    await waitForEnd(page);

    await scrollTo(page, 1000);
    const anchor = await thread(page).evaluate(async (log) => {
      const frame = () => new Promise(requestAnimationFrame);
      for (let count = 0; count < 20; count += 1) await frame();
      const { top } = log.getBoundingClientRect();
      const shown = [...log.querySelectorAll("[data-index] > div:first-of-type")];
      const found = shown.find((element) => element.getBoundingClientRect().top > top + 100);
      return { text: found.textContent, top: found.getBoundingClientRect().top };
    });
    const height = await thread(page).evaluate((log) => log.scrollHeight);
    letThrough();

    const moved = await thread(page).evaluate(
      async (log, { anchor, height }) => {
        const frame = () => new Promise(requestAnimationFrame);
        // Returns the painted position once all turns have been measured.
        const place = () =>
          new Promise((resolve) => {
            const observer = new IntersectionObserver(([{ boundingClientRect }]) => {
              observer.disconnect();
              resolve(boundingClientRect.top);
            });
            observer.observe(
              [...log.querySelectorAll("[data-index] > div:first-of-type")].find(
                (element) => element.textContent === anchor.text,
              ),
            );
          });
        while (log.scrollHeight < height + 2000) await frame();
        let most = 0;
        for (let count = 0; count < 30; count += 1)
          most = Math.max(most, Math.abs((await place()) - anchor.top));
        return most;
      },
      { anchor, height },
    );
    assert.ok(moved <= 2, `the visible turn moved by ${moved} px`);
  });
});

test(
  "a thread of 10 000 messages scrolls to the first one and renders only a few at a time",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page }) => {
      await startChat(page, "/echo hello");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      await withHistory(page);

      const result = await thread(page).evaluate(async (log) => {
        const frames = [];
        let before = performance.now();
        let most = 0;
        const end = before + 150_000;
        while (performance.now() < end) {
          log.scrollBy(0, -6000);
          await new Promise(requestAnimationFrame);
          const now = performance.now();
          frames.push(now - before);
          before = now;
          most = Math.max(most, log.querySelectorAll("[data-index]").length);
          if ([...log.querySelectorAll("span")].some((one) => one.textContent === "Question 1"))
            break;
        }
        frames.sort((a, b) => a - b);
        const at = (part) => Math.round(frames[Math.floor(frames.length * part)] * 10) / 10;
        return { count: frames.length, median: at(0.5), p95: at(0.95), worst: at(0.9999), most };
      });
      console.log(`frames while scrolling: ${JSON.stringify(result)}`);
      await thread(page).getByText("Question 1", { exact: true }).waitFor();
      assert.ok(result.most < 60, `${result.most} turns were rendered at the same time`);

      await page.getByRole("button", { name: "Jump to latest message" }).click();
      await waitForEnd(page);
      await page.getByRole("button", { name: "Jump to" }).waitFor({ state: "detached" });
    });
  },
);

test(
  "a new answer does not scroll a thread that is scrolled up, and a button jumps to it",
  TIMEOUT,
  async () => {
    await withTestApp(
      async ({ page }) => {
        await startChat(page, "/long");
        await answered(page).waitFor({ timeout: ANSWER_MS });
        await send(page, "/slow 8");
        await live(page).waitFor({ timeout: ANSWER_MS });

        await scrollTo(page, 0);
        const pill = page.getByRole("button", { name: "new message" });
        await pill.waitFor({ timeout: ANSWER_MS });
        assert.equal(
          await thread(page).evaluate((log) => log.scrollTop),
          0,
          "scroll position after the answer",
        );
        await page.getByText("1 unread message").waitFor();

        await pill.click();
        await pill.waitFor({ state: "detached" });
        await page.getByText("1 unread message").waitFor({ state: "detached" });
        await composer(page).waitFor();
      },
      { context: { viewport: { width: 800, height: 500 } } },
    );
  },
);

test(
  "a thread that is scrolled to its end stays there when its content or size changes",
  TIMEOUT,
  async () => {
    await withTestApp(
      async ({ page }) => {
        await startChat(page, "/long");
        await answered(page).waitFor({ timeout: ANSWER_MS });
        await composer(page).fill("a line\n".repeat(9));
        await waitForEnd(page);
        for (const [width, height] of [
          [800, 320],
          [390, 700],
          [844, 390],
        ]) {
          await page.setViewportSize({ width, height });
          await waitForEnd(page);
        }
        await send(page, "/fail late");
        await page.getByRole("button", { name: "Retry" }).waitFor({ timeout: ANSWER_MS });
        await waitForEnd(page);
        await page.getByRole("button", { name: "Jump to" }).waitFor({ state: "detached" });
      },
      { context: { viewport: { width: 800, height: 500 } } },
    );
  },
);

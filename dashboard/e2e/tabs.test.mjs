import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANSWER_MS,
  answered,
  finished,
  live,
  retryButtons,
  send,
  startChat,
  thread,
} from "./chat.mjs";
import { processOf, watchStreams } from "./streams.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

test("twenty tabs share one stream and show the same answer", TIMEOUT, async () => {
  await withTestApp(async ({ page, context }) => {
    const streams = watchStreams(context);
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const others = [];
    for (let count = 1; count < 20; count += 1) {
      const other = await context.newPage();
      await other.goto(page.url());
      others.push(other);
    }
    for (const other of others) await answered(other).waitFor({ timeout: ANSWER_MS });

    // The answer is stopped below. It is long enough for all twenty tabs to show it first.
    await send(others[18], "/slow 600");

    for (const tab of [page, ...others]) await live(tab).waitFor({ timeout: ANSWER_MS });
    await others[3].getByRole("button", { name: "Stop" }).click();
    for (const tab of [page, ...others]) await retryButtons(tab).waitFor({ timeout: ANSWER_MS });
    assert.equal((await streams.holders(1)).length, 1, "open streams");
  });
});

test(
  "another tab continues the stream when the leader closes during an answer",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page, context }) => {
      const streams = watchStreams(context);
      await startChat(page, "/slow 20");
      await live(page).waitFor({ timeout: ANSWER_MS });
      const [second, third] = [await context.newPage(), await context.newPage()];
      for (const tab of [second, third]) {
        await tab.goto(page.url());
        await live(tab).waitFor({ timeout: ANSWER_MS });
      }

      await page.close();

      for (const tab of [second, third]) {
        await answered(tab).waitFor({ timeout: ANSWER_MS });
        const text = await tab.locator("[data-answer]").textContent();
        const numbers =
          (text ?? "")
            .match(/\b\d+\b/g)
            ?.slice(1)
            .map(Number) ?? [];
        assert.deepEqual(
          numbers,
          numbers.map((_, index) => index + 1),
          "the answer has no gaps or duplicates",
        );
      }
      assert.equal((await streams.holders(1)).length, 1, "open streams");
      await send(third, "/echo again");
      await thread(second).getByText("/echo again", { exact: true }).waitFor();
      await finished(second).nth(1).waitFor({ timeout: ANSWER_MS });
    });
  },
);

test("a frozen leader is replaced and becomes a follower when it thaws", TIMEOUT, async () => {
  await withTestApp(async ({ page, context }) => {
    const streams = watchStreams(context);
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const [second, third] = [await context.newPage(), await context.newPage()];
    for (const tab of [second, third]) {
      await tab.goto(page.url());
      await answered(tab).waitFor({ timeout: ANSWER_MS });
    }
    const [leader, ...followers] = await streams.holders(1);
    assert.ok(leader === page && followers.length === 0, "the first tab leads");
    // Playwright keeps all pages in the foreground, where the browser does not freeze them, so this
    // test stops the process instead.
    const leading = await processOf(page);
    for (const tab of [second, third]) assert.notEqual(await processOf(tab), leading);

    process.kill(leading, "SIGSTOP");
    try {
      await send(second, "/echo while frozen");
      for (const tab of [second, third]) await finished(tab).nth(1).waitFor({ timeout: ANSWER_MS });
      await send(second, "/slow 600");
      for (const tab of [second, third]) await live(tab).waitFor({ timeout: ANSWER_MS });
      await third.getByRole("button", { name: "Stop" }).click();
      for (const tab of [second, third]) await retryButtons(tab).waitFor({ timeout: ANSWER_MS });
      const [holder, ...more] = await streams.holders(2);
      assert.ok(holder === page && more.length === 1, "the frozen leader's stream and a new one");
    } finally {
      process.kill(leading, "SIGCONT");
    }
    await retryButtons(page).waitFor({ timeout: ANSWER_MS });
    await send(page, "/slow 600");

    for (const tab of [page, second, third]) await live(tab).waitFor({ timeout: ANSWER_MS });
    await second.getByRole("button", { name: "Stop" }).click();
    for (const tab of [page, second, third])
      await retryButtons(tab).nth(1).waitFor({ timeout: ANSWER_MS });
    const [shown, ...others] = await Promise.all(
      [page, second, third].map((tab) => tab.locator("[data-answer]").allTextContents()),
    );
    assert.equal(shown.length, 4, "answers in the first tab");
    for (const other of others) assert.deepEqual(other, shown);
    const holders = await streams.holders(1);
    assert.ok(
      holders.length === 1 && holders[0] !== page,
      "one open stream, not held by the thawed tab",
    );
  });
});

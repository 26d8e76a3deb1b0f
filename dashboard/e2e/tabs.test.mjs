import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, live, say, send, thread } from "./chat.mjs";
import { onStage } from "./stage.mjs";

const TIMEOUT = { timeout: 300_000 };

/** Counts the streams that were opened in the browser. */
function countStreams(context) {
  const opened = [];
  context.on("request", (request) => {
    if (new URL(request.url()).pathname === "/v1/events") opened.push(request.url());
  });
  return opened;
}

test("twenty tabs share one stream, and all of them follow the answer", TIMEOUT, async () => {
  await onStage(async ({ page, context }) => {
    const streams = countStreams(context);
    await say(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const others = [];
    for (let count = 1; count < 20; count += 1) {
      const other = await context.newPage();
      await other.goto(page.url());
      others.push(other);
    }
    for (const other of others) await answered(other).waitFor({ timeout: ANSWER_MS });

    // Stopped below: until then there is all the time that twenty tabs may need.
    await send(others[18], "/slow 600");

    for (const tab of [page, ...others]) await live(tab).waitFor({ timeout: ANSWER_MS });
    await others[3].getByRole("button", { name: "Stop" }).click();
    for (const tab of [page, ...others]) {
      const retry = thread(tab).getByRole("button", { name: "Retry" });
      await retry.waitFor({ timeout: ANSWER_MS });
    }
    assert.equal(streams.length, 1, "one stream was opened");
  });
});

test("when the leading tab closes in mid-answer, the next one goes on", TIMEOUT, async () => {
  await onStage(async ({ page, context }) => {
    const streams = countStreams(context);
    await say(page, "/slow 20");
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
        "nothing twice, nothing missing",
      );
    }
    assert.equal(streams.length, 2, "the stream was opened once more");
    await send(third, "/echo again");
    await thread(second).getByText("/echo again", { exact: true }).waitFor();
    await answered(second).nth(1).waitFor({ timeout: ANSWER_MS });
  });
});

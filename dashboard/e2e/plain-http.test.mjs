import assert from "node:assert/strict";
import { test } from "node:test";
import { makeKey, signIn } from "./accounts.mjs";
import {
  ANSWER_MS,
  answered,
  composer,
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

/**
 * Browsers treat `localhost` as secure. With any other host name, Web Locks are unavailable over
 * plain HTTP.
 */
const options = {
  hostname: "banter.test",
  environment: async () => ({ AUTH: "required" }),
};

/** Signs in, starts a chat, and opens it in `count` tabs. */
async function openTabs({ page, context, server }, count) {
  const streams = watchStreams(context);
  const key = await makeKey(server, "ann");
  await page.goto("/");
  assert.equal(await page.evaluate(() => isSecureContext || "locks" in navigator), false);
  await signIn(page, key);
  await composer(page).waitFor();
  await startChat(page, "/echo hello");
  await answered(page).waitFor({ timeout: ANSWER_MS });
  const tabs = [page];
  while (tabs.length < count) {
    const tab = await context.newPage();
    const begin = Date.now();
    await tab.goto(page.url());
    await answered(tab).waitFor({ timeout: ANSWER_MS });
    if (process.env.BANTER_TIMES) console.log(`tab ${tabs.length + 1}: ${Date.now() - begin} ms`);
    tabs.push(tab);
  }
  return { tabs, streams };
}

/**
 * Sends a message from the last tab, waits for the answer in every tab, and stops the answer in the
 * first tab. `stops` is the number of answers stopped before.
 */
async function followAll(tabs, stops) {
  await send(tabs.at(-1), "/slow 600");
  for (const tab of tabs) await live(tab).waitFor({ timeout: ANSWER_MS });
  await tabs[0].getByRole("button", { name: "Stop" }).click();
  for (const tab of tabs) await retryButtons(tab).nth(stops).waitFor({ timeout: ANSWER_MS });
}

test(
  "ten tabs over plain HTTP share one stream, even after its holder is closed",
  TIMEOUT,
  async () => {
    await withTestApp(async (app) => {
      const { tabs, streams } = await openTabs(app, 10);

      await followAll(tabs, 0);
      const [holder, ...more] = await streams.holders(1);
      assert.equal(more.length, 0, "open streams");
      await holder.close();

      const left = tabs.filter((tab) => tab !== holder);
      await followAll(left, 1);
      assert.equal((await streams.holders(1)).length, 1, "open streams");
    }, options);
  },
);

test("a crashed or frozen holder of the stream is replaced over plain HTTP", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { tabs, streams } = await openTabs(app, 4);
    const [first] = await streams.holders(1);
    const others = tabs.filter((tab) => tab !== first);
    const crashing = await processOf(first);
    for (const other of others) assert.notEqual(await processOf(other), crashing);

    const crash = first.waitForEvent("crash");
    process.kill(crashing, "SIGKILL");
    await crash;

    await followAll(others, 0);
    await first.close();
    const [second] = await streams.holders(1);
    const last = others.filter((tab) => tab !== second);
    const frozen = await processOf(second);
    process.kill(frozen, "SIGSTOP");
    try {
      await send(last[0], "/echo while frozen");
      for (const tab of last) await finished(tab).nth(2).waitFor({ timeout: ANSWER_MS });
    } finally {
      process.kill(frozen, "SIGCONT");
    }

    await followAll(others, 1);
    const shown = await Promise.all(
      others.map((tab) => tab.locator("[data-answer]").allTextContents()),
    );
    for (const one of shown) assert.deepEqual(one, shown[0], "all tabs show the same answers");
    const holders = await streams.holders(1);
    assert.ok(
      holders.length === 1 && holders[0] !== second,
      "one open stream, not held by the thawed tab",
    );
    await thread(last[0]).getByText("/echo while frozen", { exact: true }).waitFor();
  }, options);
});

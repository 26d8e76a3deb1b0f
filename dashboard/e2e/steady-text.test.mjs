import assert from "node:assert/strict";
import { test } from "node:test";
import { gate, say, scripted, withScriptedAgent } from "./acp-agent.mjs";
import { ANSWER_MS, answered, finished, live, send, startChatWith, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

const words = (count, word) => `${word} `.repeat(count);
const OPENING = `It starts with **a few words** and goes on. ${words(60, "plain")}`;

/**
 * Returns the positions in the thread of the message and of the words that the answer starts with.
 * An answer that does not fit the view scrolls.
 */
const positions = (page) =>
  page.evaluate(() => {
    const { scrollTop } = document.querySelector("main [role=log]");
    const round = ({ x, y, width, height }) => [x, y + scrollTop, width, height].map(Math.round);
    const paragraph = document.querySelector(":is([data-live], [data-answer]) p");
    const range = document.createRange();
    const lines = [...paragraph.childNodes].slice(0, 2).flatMap((node) => {
      range.selectNodeContents(node);
      return [...range.getClientRects()].map(round);
    });
    // The last line of the text may still grow.
    const last = paragraph.childNodes[2];
    range.setStart(last, 0);
    range.setEnd(last, 200);
    const message = document.querySelector("[data-user]").getBoundingClientRect();
    return { message: round(message), lines, rest: [...range.getClientRects()].map(round) };
  });

for (const [device, viewport] of Object.entries({
  "a wide screen": { width: 1440, height: 900 },
  "a phone": { width: 390, height: 844 },
}))
  test(`text that is read does not move on ${device}`, TIMEOUT, async () => {
    const { environment, openGate } = withScriptedAgent([
      say(OPENING),
      gate("long"),
      say(words(200, "more")),
      gate("list"),
      say("\n\n- one\n- two\n\n"),
      gate("end"),
      say("## Heading\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nThe end."),
    ]);
    await withTestApp(
      async ({ page }) => {
        await startChatWith(page, scripted, "Go");
        const text = live(page);
        await text.locator("p strong").waitFor({ timeout: ANSWER_MS });
        await page.evaluate(() => document.fonts.ready);
        const before = await positions(page);
        assert.ok(before.rest.length > 0 && before.message[1] < 250, JSON.stringify(before));

        openGate("long");
        await text.getByText("more more").waitFor();
        assert.deepEqual(await positions(page), before, "after 1000 characters");

        openGate("list");
        await text.locator("li").nth(1).waitFor();
        assert.deepEqual(await positions(page), before, "with a list");

        openGate("end");
        await answered(page).waitFor({ timeout: ANSWER_MS });
        await finished(page).getByText("The end.").waitFor();
        assert.deepEqual(await positions(page), before, "after the end");
      },
      { environment, context: { viewport, reducedMotion: "reduce" } },
    );
  });

test("a short chat starts at the top and grows downward", TIMEOUT, async () => {
  const { environment, openGate } = withScriptedAgent({
    one: [gate("one"), say("Hello.")],
    two: [say("Hello again.")],
  });
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "one");
      const message = thread(page).getByText("one", { exact: true });
      await thread(page).getByText("Starting").waitFor({ timeout: ANSWER_MS });
      const top = async () => Math.round((await message.boundingBox()).y);
      const before = await top();
      const log = await thread(page).boundingBox();
      assert.ok(before - log.y < 150, `distance from the top: ${before - log.y}`);

      openGate("one");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      assert.equal(await top(), before);

      await send(page, "two");
      await finished(page).getByText("Hello again.").waitFor({ timeout: ANSWER_MS });
      assert.equal(await top(), before);
    },
    { environment, context: { reducedMotion: "reduce" } },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  gate,
  output,
  say,
  scripted,
  startTool,
  updateTool,
  withScriptedAgent,
} from "./acp-agent.mjs";
import { ANSWER_MS, finished, live, startChatWith, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

const paragraphs = (count, word) => `${`${word} `.repeat(40)}\n\n`.repeat(count);
const script = [
  say(paragraphs(6, "early")),
  startTool("a", "List the files", { kind: "execute" }),
  updateTool("a", { content: [output("a.txt")] }),
  say("Between.\n\n"),
  gate("more"),
  say(paragraphs(4, "more")),
  gate("end"),
  say("The end."),
];

const distanceFromEnd = (page) =>
  thread(page).evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight);
const untilAtEnd = (page) =>
  page.waitForFunction(() => {
    const log = document.querySelector("main [role=log]");
    return log.scrollHeight - log.scrollTop - log.clientHeight < 2;
  });

/** Starts the scripted answer, which fills the view, and calls `body` when its step has arrived. */
async function withLongAnswer(body) {
  const { environment, openGate } = withScriptedAgent(script);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      const steps = thread(page).locator("summary");
      await live(page).getByText("Between.").waitFor({ timeout: ANSWER_MS });
      await page.evaluate(() => document.fonts.ready);
      await untilAtEnd(page);
      await body({ page, openGate, steps });
    },
    { environment, context: { reducedMotion: "reduce", viewport: { width: 1200, height: 700 } } },
  );
}

/** Presses the mouse button over an element. */
async function press(page, target) {
  const { x, y, width, height } = await target.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
}

test("a click works although the answer grows and ends during the press", TIMEOUT, async () => {
  await withLongAnswer(async ({ page, openGate, steps }) => {
    await press(page, steps);
    openGate("more");
    await live(page).getByText("more more").first().waitFor();
    openGate("end");
    await finished(page).waitFor();
    assert.ok((await distanceFromEnd(page)) > 100, "the thread stays still during the press");
    await page.mouse.up();

    await thread(page).locator("details[open]").waitFor();
  });
});

test("the thread follows its end again after a press", TIMEOUT, async () => {
  await withLongAnswer(async ({ page, openGate }) => {
    await press(page, live(page).getByText("Between."));
    openGate("more");
    await live(page).getByText("more more").first().waitFor();
    assert.ok((await distanceFromEnd(page)) > 100, "the thread stays still during the press");
    await page.mouse.up();

    await untilAtEnd(page);
    openGate("end");
    await finished(page).getByText("The end.").waitFor();
    await untilAtEnd(page);
  });
});

test("selected text stays selected when the answer ends", TIMEOUT, async () => {
  await withLongAnswer(async ({ page, openGate }) => {
    await live(page).getByText("Between.").dblclick();
    const selected = () => page.evaluate(() => getSelection().toString().trim());
    const before = await selected();
    assert.match(before, /^Between/);

    openGate("more");
    openGate("end");
    await finished(page).getByText("The end.").waitFor();
    assert.equal(await selected(), before);
  });
});

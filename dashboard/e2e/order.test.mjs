import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ask,
  gate,
  say,
  scripted,
  startTool,
  think,
  updateTool,
  withScriptedAgent,
} from "./acp-agent.mjs";
import { ANSWER_MS, answered, startChatWith, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

const card = (page) => page.getByRole("group", { name: "Permission request" });

/** Returns the texts of the answer, the summaries of its steps, and the card, from top to bottom. */
const order = (page) =>
  page.evaluate(() => {
    const parts = document.querySelectorAll(
      "[data-live], [data-answer], [role=log] details > summary, [data-permission-card]",
    );
    const summaries = [...parts].filter((part) => !part.parentElement.closest("details details"));
    return summaries.map((part) =>
      part.matches("[data-permission-card]") ? "card" : part.textContent.trim(),
    );
  });

/** Returns a picture of the thread in which nothing depends on the pointer or the time. */
async function picture(page) {
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.activeElement?.blur());
  await page.evaluate(() => document.fonts.ready);
  // Paint the thread at once, because the antialiasing of corners depends on what was painted before.
  await thread(page).evaluate((log) => {
    log.style.display = "none";
    log.getBoundingClientRect();
    log.style.display = "";
  });
  return (await thread(page).screenshot({ animations: "disabled" })).toString("base64");
}

const FIRST = "I’ll look at the test first. 🔍";
const SECOND = "The bug is in `app.py`. I’ll change one line.";
const LAST = "All tests pass now.";

test(
  "text, steps, and requests are shown in the order in which they arrived",
  TIMEOUT,
  async () => {
    const { environment, openGate } = withScriptedAgent([
      say(FIRST),
      startTool("read", "Read test_app.py", { kind: "read" }),
      gate("read"),
      updateTool("read"),
      say(SECOND),
      startTool("edit", "Edit app.py", { kind: "edit", status: "pending" }),
      ask({ toolCallId: "edit", title: "Edit app.py" }, undefined, {
        allow: [updateTool("edit"), think("Now the tests."), say(LAST)],
      }),
    ]);
    await withTestApp(
      async ({ page, context }) => {
        await startChatWith(page, scripted, "Fix the failing test");
        await thread(page).getByText("Running: Read test_app.py").waitFor({ timeout: ANSWER_MS });
        assert.deepEqual(await order(page), [FIRST, "1 step"]);
        openGate("read");

        await card(page).waitFor({ timeout: ANSWER_MS });
        const waiting = [FIRST, "1 step · read 1 file", SECOND.replaceAll("`", ""), "card"];
        assert.deepEqual(await order(page), waiting);
        await page.reload();
        await card(page).waitFor({ timeout: ANSWER_MS });
        await page.locator("[data-live] code").waitFor();
        await thread(page).getByText("1 step · read 1 file").waitFor();
        assert.deepEqual(await order(page), waiting);
        await card(page).getByRole("button", { name: "Allow" }).click();

        await answered(page).waitFor({ timeout: ANSWER_MS });
        const settled = [...waiting.slice(0, -1), "3 steps · edited 1 file, thought", LAST];
        assert.deepEqual(await order(page), settled);
        const live = await picture(page);

        await page.reload();
        await page.locator("[data-answer] code").waitFor();
        await thread(page).getByText(settled[3]).waitFor();
        assert.deepEqual(await order(page), settled);
        assert.equal(await picture(page), live, "the thread looks different after a reload");

        const other = await context.newPage();
        await other.goto(page.url());
        await other.locator("[data-answer] code").waitFor();
        await thread(other).getByText(settled[3]).waitFor();
        assert.equal(await picture(other), live, "the thread looks different in another tab");
      },
      { environment, context: { reducedMotion: "reduce" } },
    );
  },
);

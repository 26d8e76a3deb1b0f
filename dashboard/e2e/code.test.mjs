import assert from "node:assert/strict";
import { test } from "node:test";
import { gate, say, scripted, withScriptedAgent } from "./acp-agent.mjs";
import {
  ANSWER_MS,
  answered,
  live,
  startChat,
  startChatWith,
  thread,
  waitUntilInView,
} from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

const lines = (count) =>
  Array.from({ length: count }, (_, index) => `const value${index + 1} = ${index + 1};`).join("\n");
const fence = (code, language) => `\`\`\`${language}\n${code}\n\`\`\``;

const answer = (page) => page.locator("[data-answer]").last();
const button = (page, name) => answer(page).getByRole("button", { name });

/** Starts a chat with an answer that contains a line of text and long code. */
function withLongCode(run) {
  const { environment } = withScriptedAgent([
    say(`${"Before. ".repeat(9)}\n\n${fence(lines(120), "ts")}\n\nAfter.`),
  ]);
  return withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      await page.reload();
      await button(page, "Show all 120 lines").waitFor();
      await run(page);
    },
    { environment },
  );
}

test("long code is folded in a finished answer, and a search unfolds it", TIMEOUT, async () => {
  await withLongCode(async (page) => {
    const code = answer(page).locator("pre");
    const height = () => answer(page).evaluate((element) => element.offsetHeight);
    const top = async () => Math.round((await code.boundingBox()).y);
    await waitUntilInView(answer(page).getByText("After."));
    const [folded, before] = [await height(), await top()];
    assert.ok(folded < 750, `folded height: ${folded}`);
    assert.equal((await code.textContent()).split("\n").length, 120);

    await button(page, "Show all 120 lines").click();
    await button(page, "Show less").waitFor();
    assert.ok((await height()) > 2400, "unfolded height");
    assert.equal(await top(), before, "the start of the code stays in place");
    await page.getByRole("button", { name: "Jump to latest message" }).waitFor();
    await button(page, "Show less").click();
    await button(page, "Show all 120 lines").waitFor();
    assert.equal(await height(), folded);
    const header = answer(page).locator("[data-code-header]");
    const [{ y }, log] = [await header.boundingBox(), await thread(page).boundingBox()];
    assert.ok(y >= log.y - 1 && y < log.y + log.height, `header: ${y}`);

    await page.keyboard.press("Control+KeyF");
    await page.getByRole("textbox", { name: "Find in chat" }).fill("value117");
    await button(page, "Show less").waitFor();
    await page.waitForFunction(() => {
      const [match] = [...(CSS.highlights.get("find-current") ?? [])];
      const view = document.querySelector("[role=log]").getBoundingClientRect();
      const rect = match?.getBoundingClientRect();
      return rect !== undefined && rect.top > view.top && rect.bottom < view.bottom;
    });
  });
});

test("code is not folded while the user watches it arrive", TIMEOUT, async () => {
  const { environment, openGate } = withScriptedAgent([
    say(`\`\`\`ts\n${lines(80)}`),
    gate("end"),
    say("\n```\n\nThe end."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      await live(page).getByText("value80").waitFor({ timeout: ANSWER_MS });
      assert.equal(await page.locator(".folded-code").count(), 0);

      openGate("end");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      await button(page, "Show less").waitFor();
      assert.equal(await page.locator(".folded-code").count(), 0);

      await page.reload();
      await button(page, "Show all 80 lines").waitFor();
    },
    { environment },
  );
});

test("the header of long code stays visible while the thread scrolls", TIMEOUT, async () => {
  await withLongCode(async (page) => {
    await button(page, "Show all 120 lines").click();
    await button(page, "Show less").waitFor();
    const block = answer(page).locator("pre");
    await thread(page).hover();

    await page.mouse.wheel(0, 1500);
    await page.waitForFunction(() => document.querySelector("[role=log]").scrollTop > 1000);

    const [header, log, code] = await Promise.all([
      answer(page).locator("[data-code-header]").boundingBox(),
      thread(page).boundingBox(),
      block.boundingBox(),
    ]);
    assert.ok(code.y < log.y - 400 && code.y + code.height > log.y + 200, JSON.stringify(code));
    assert.ok(Math.abs(header.y - log.y) <= 2, JSON.stringify({ header, log }));
    await button(page, "Copy").first().click();
    await answer(page).getByText("Copied").first().waitFor();
  });
});

test("long lines can be wrapped", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const long = `curl ${"--header abc ".repeat(40)}`;
    await startChat(page, `/echo ${fence(long, "sh")}\n\n${fence("ls", "sh")}`);
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const area = answer(page).locator(".scroll-area").first();
    await answer(page).locator("[data-more-after]").waitFor();
    const wrap = answer(page).getByRole("button", { name: "Wrap lines" });
    assert.equal(await wrap.count(), 1, "short lines need no button");
    const isWide = () => area.evaluate((one) => one.scrollWidth > one.clientWidth);
    assert.equal(await isWide(), true);

    await wrap.click();
    await answer(page).locator("[data-more-after]").waitFor({ state: "detached" });
    assert.equal(await isWide(), false);
    await wrap.click();
    await answer(page).locator("[data-more-after]").waitFor();
  });
});

for (const colorScheme of ["light", "dark"])
  test(
    `a diff in an answer is colored and keeps its source in ${colorScheme} mode`,
    TIMEOUT,
    async () => {
      await withTestApp(
        async ({ page }) => {
          const code = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n import os\n-a = 1\n+a = 2";
          await startChat(page, `/echo ${fence(code, "diff")}`);
          await answered(page).waitFor({ timeout: ANSWER_MS });
          await answer(page).locator("[data-kind=addition]").waitFor();

          const colors = await answer(page)
            .locator("[data-kind]")
            .evaluateAll((all) => all.map((line) => getComputedStyle(line).backgroundColor));
          assert.notEqual(colors[4], colors[3], "a deleted line");
          assert.notEqual(colors[5], colors[3], "an added line");
          assert.notEqual(colors[5], colors[4]);
          const selected = await answer(page).evaluate((element) => {
            const range = document.createRange();
            range.selectNodeContents(element.querySelector("code"));
            const selection = window.getSelection();
            selection.removeAllRanges();
            selection.addRange(range);
            return selection.toString();
          });
          assert.equal(selected.trimEnd(), code);
        },
        { context: { colorScheme } },
      );
    },
  );

import assert from "node:assert/strict";
import { test } from "node:test";
import { findAll } from "./axe.mjs";
import { ANSWER_MS, answered, finished, live, send, startChat } from "./chat.mjs";
import { findLayoutProblems } from "./layout.mjs";
import { leave } from "./scenes/actions.mjs";
import { withAgents } from "./scenes/agents.mjs";
import { chatListScenes } from "./scenes/chat-list.mjs";
import { createChats } from "./scenes/chats.mjs";
import { scenes } from "./scenes/index.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 1_500_000 };

const devices = {
  "a desktop": { viewport: { width: 1280, height: 800 } },
  "a 320 px phone": { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true },
};

for (const [device, look] of Object.entries(devices)) {
  const isPhone = look.viewport.width < 768;
  const name = isPhone
    ? `no view on ${device} scrolls horizontally or has small touch targets`
    : `no view on ${device} has a serious axe finding in the light or dark theme`;
  test(name, TIMEOUT, async () => {
    const context = { ...look, reducedMotion: "reduce" };
    await withTestApp(
      async ({ page, context: browser }) => {
        const chats = await createChats(page);
        const found = {};
        for (const [scene, prepare] of Object.entries(scenes)) {
          const view = await browser.newPage();
          await prepare(view, chats);
          // Most elements are rows of the chat list, which are the same in most scenes.
          const excluded = scene in chatListScenes ? null : "nav li";
          const problems = isPhone
            ? await findLayoutProblems(view, { isTouched: true })
            : await findAll(view, excluded);
          if (problems.length > 0) found[scene] = problems;
          await leave(view);
          await view.close();
        }
        assert.deepEqual(found, {});
      },
      { context, environment: withAgents, timeLimit: 1_400_000 },
    );
  });
}

test("screen readers announce turns rather than tokens", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await page.evaluate(() => {
      window.announced = [];
      const isAnnounced = (node) =>
        (node instanceof Element ? node : node.parentElement)
          ?.closest("[aria-live]")
          ?.matches('main [aria-live="polite"]');
      const add = (node) => {
        if (!node.isConnected || !isAnnounced(node) || !node.textContent) return;
        const copy = node.cloneNode(true);
        if (copy instanceof Element)
          for (const off of copy.querySelectorAll('[aria-live="off"]')) off.remove();
        if (copy.textContent) window.announced.push(copy.textContent);
      };
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes) for (const node of addedNodes) add(node);
      }).observe(document.body, { childList: true, subtree: true });
      // Changed text is announced by the page's own announcer, but not by the thread.
      new MutationObserver((changes) => {
        for (const { target } of changes) add(target);
      }).observe(document.querySelector("[data-announcer]"), {
        characterData: true,
        subtree: true,
      });
    });

    await send(page, "/slow 8");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await page.waitForFunction(
      () => (document.querySelector("[data-live]")?.textContent?.length ?? 0) > 80,
    );
    const early = await page.evaluate(() => window.announced);
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await live(page).waitFor({ state: "detached" });
    const all = await page.evaluate(() => window.announced);

    const answer = (await page.locator("[data-answer]").nth(1).textContent()) ?? "";
    const begin = answer.slice(0, 20);
    assert.equal(
      early.filter((text) => text.includes(begin)).length,
      0,
      "announcements of partial answers",
    );
    assert.equal(
      all.filter((text) => text.includes(begin)).length,
      1,
      "announcements of the answer",
    );
    assert.ok(
      all.find((text) => text.includes(begin)).includes(answer),
      "the answer is announced completely",
    );
    assert.ok(all.some((text) => text.includes("/slow 8")));
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { fillWithChats, leave, scenes, withTwoAgents } from "./scenes.mjs";
import { onStage } from "./stage.mjs";

const TIMEOUT = { timeout: 300_000 };

/** What axe calls serious or critical, in words. */
async function findings(page) {
  // Motion over: a half-faded text has no contrast to speak of.
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {}))),
  );
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)}`));
}

const devices = {
  "a desktop": { viewport: { width: 1280, height: 800 } },
  "a desktop in the dark": { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  "a phone of 320 px": { viewport: { width: 320, height: 640 } },
  "a phone in the dark": { viewport: { width: 320, height: 640 }, colorScheme: "dark" },
};

for (const [device, look] of Object.entries(devices)) {
  test(
    `on ${device} no view has a serious finding, and none scrolls sideways`,
    TIMEOUT,
    async () => {
      const context = { ...look, reducedMotion: "reduce" };
      await onStage(
        async ({ page, context: browser }) => {
          const chats = await fillWithChats(page);
          const found = {};
          for (const [name, prepare] of Object.entries(scenes)) {
            const view = await browser.newPage();
            await prepare(view, chats);
            const problems = await findings(view);
            const width = await view.evaluate(() => document.documentElement.scrollWidth);
            if (width > look.viewport.width) problems.push(`it is ${width} px wide`);
            if (problems.length > 0) found[name] = problems;
            await leave(view);
            await view.close();
          }
          assert.deepEqual(found, {});
        },
        { context, environment: withTwoAgents },
      );
    },
  );
}

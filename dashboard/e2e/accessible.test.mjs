import assert from "node:assert/strict";
import { test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { fillWithChats, withAgents } from "./scene-chats.mjs";
import { leave, scenes } from "./scenes.mjs";
import { onStage } from "./stage.mjs";

const TIMEOUT = { timeout: 600_000 };

/** What axe calls serious or critical, in words. `rules`: only these, where the rest was seen. */
async function findings(page, rules) {
  // Motion over: a half-faded text has no contrast to speak of.
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {}))),
  );
  // There are no frames: without them it needs no page of its own to put its results together.
  const axe = new AxeBuilder({ page }).setLegacyMode(true).options({ resultTypes: ["violations"] });
  const { violations } = await (rules ? axe.withRules(rules) : axe).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)}`));
}

/** Everything in the light; in the dark only the colours are others. */
async function findAll(view) {
  await view.emulateMedia({ colorScheme: "light" });
  const light = await findings(view);
  await view.emulateMedia({ colorScheme: "dark" });
  const dark = await findings(view, ["color-contrast"]);
  await view.emulateMedia({ colorScheme: "light" });
  return [...light, ...dark.map((one) => `in the dark: ${one}`)];
}

const devices = {
  "a desktop": { viewport: { width: 1280, height: 800 } },
  "a phone of 320 px": { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true },
};

for (const [device, look] of Object.entries(devices)) {
  const isPhone = look.viewport.width < 768;
  const name = isPhone
    ? `on ${device} no view scrolls sideways or has something that a finger cannot reach`
    : `on ${device} no view has a serious finding, light or dark`;
  test(name, TIMEOUT, async () => {
    const context = { ...look, reducedMotion: "reduce" };
    await onStage(
      async ({ page, context: browser }) => {
        const chats = await fillWithChats(page);
        const found = {};
        for (const [scene, prepare] of Object.entries(scenes)) {
          const view = await browser.newPage();
          await prepare(view, chats);
          const problems = isPhone ? await findCut(view) : await findAll(view);
          if (problems.length > 0) found[scene] = problems;
          await leave(view);
          await view.close();
        }
        assert.deepEqual(found, {});
      },
      { context, environment: withAgents },
    );
  });
}

/** What makes the page wider than the screen, and controls that lie outside of it or are too small. */
async function findCut(view) {
  return view.evaluate(() => {
    const FINGER_PX = 40;
    const controls = "a, button, input:not(.sr-only), textarea, summary, label, [role=option]";
    /** How high a control is to a finger: some take more room than is seen of them. */
    function heightOf(control) {
      const around = getComputedStyle(control, "::after");
      const more = around.position === "absolute" ? -2 * Number.parseFloat(around.top) : 0;
      return control.getBoundingClientRect().height + Math.max(0, more || 0);
    }
    const width = document.documentElement.clientWidth;
    const problems = [];
    if (document.documentElement.scrollWidth > width)
      problems.push(`it is ${document.documentElement.scrollWidth} px wide`);
    for (const control of document.querySelectorAll(controls)) {
      const { left, right, width: own } = control.getBoundingClientRect();
      const isHidden = own === 0 || !control.checkVisibility();
      if (!isHidden && (left < 0 || right > width + 0.5))
        problems.push(`outside: ${control.outerHTML.slice(0, 160)}`);
      const hasRoom = control.parentElement.closest(".markdown, label") !== null;
      if (!isHidden && !hasRoom && heightOf(control) < FINGER_PX - 0.5)
        problems.push(`${heightOf(control)} px high: ${control.outerHTML.slice(0, 160)}`);
    }
    return problems;
  });
}

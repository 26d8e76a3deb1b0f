import assert from "node:assert/strict";
import { test } from "node:test";
import { findKeyboardProblems } from "./keyboard-walk.mjs";
import { findLayoutProblems } from "./layout.mjs";
import { leave } from "./scenes/actions.mjs";
import { withAgents } from "./scenes/agents.mjs";
import { createChats } from "./scenes/chats.mjs";
import { scenes } from "./scenes/index.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 1_500_000 };

const DESKTOP = { width: 1280, height: 800 };
/** What is left of the desktop if the user zooms in to 200 %. */
const ZOOMED = { width: 640, height: 400 };

/** Returns elements that move although the user has asked for less motion. */
const findMotion = (view) =>
  view.evaluate(() =>
    document
      .getAnimations()
      .filter(({ effect }) => effect.getComputedTiming().activeDuration > 1)
      .map(({ effect }) => `moves: ${effect.target?.outerHTML.slice(0, 160)}`),
  );

/** Calls `find` in every scene, and fails if it returns problems. */
async function checkEveryScene(context, find) {
  await withTestApp(
    async ({ page, context: browser }) => {
      const chats = await createChats(page);
      const found = {};
      for (const [scene, prepare] of Object.entries(scenes)) {
        const view = await browser.newPage();
        await prepare(view, chats);
        const problems = await find(view);
        if (problems.length > 0) found[scene] = problems;
        await view.setViewportSize(DESKTOP);
        await leave(view);
        await view.close();
      }
      assert.deepEqual(found, {});
    },
    { context, environment: withAgents, timeLimit: 1_400_000 },
  );
}

test(
  "every view can be used with only a keyboard, zoomed to 200 %, and without motion",
  TIMEOUT,
  async () => {
    await checkEveryScene({ viewport: DESKTOP, reducedMotion: "reduce" }, async (view) => {
      const motion = await findMotion(view);
      const keyboard = await findKeyboardProblems(view);
      await view.setViewportSize(ZOOMED);
      const zoomed = await findLayoutProblems(view, { isTouched: false });
      return [...motion, ...keyboard, ...zoomed.map((one) => `zoomed: ${one}`)];
    });
  },
);

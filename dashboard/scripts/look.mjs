// Takes pictures of every view and state into look-out/, to be looked at. Scenes and widths on the command line choose.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fillWithChats, leave, scenes, withTwoAgents } from "../e2e/scenes.mjs";
import { onStage } from "../e2e/stage.mjs";

const folder = fileURLToPath(new URL("../look-out", import.meta.url));
const sizes = { 320: [320, 640], 768: [768, 1024], 1440: [1440, 900] };
const isWidth = (text) => text in sizes;
const wanted = process.argv.slice(2).filter((text) => !isWidth(text));
const widths = process.argv.slice(2).filter(isWidth);
mkdirSync(folder, { recursive: true });

async function take(page, name) {
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(250);
  await page.screenshot({ path: `${folder}/${name}.png` });
}

/** The first look of somebody without chats, and then every scene, in one size and theme. */
async function look(width, colorScheme) {
  const [w, h] = sizes[width];
  const context = { viewport: { width: w, height: h }, colorScheme, reducedMotion: "reduce" };
  const name = (scene) => `${scene.replaceAll(" ", "-")}-${width}-${colorScheme}`;
  const isWanted = (scene) => wanted.length === 0 || wanted.includes(scene);
  if (isWanted("newcomer"))
    await onStage(
      async ({ page }) => {
        await page.goto("/");
        await page.getByRole("heading", { name: "Say hello" }).waitFor();
        await take(page, name("newcomer"));
      },
      { context },
    );
  await onStage(
    async ({ page, context: browser }) => {
      const chats = await fillWithChats(page);
      for (const [scene, prepare] of Object.entries(scenes)) {
        if (!isWanted(scene)) continue;
        const view = await browser.newPage();
        await prepare(view, chats);
        await take(view, name(scene));
        await leave(view);
        await view.close();
      }
    },
    { context, environment: withTwoAgents },
  );
}

for (const width of widths.length > 0 ? widths : Object.keys(sizes))
  for (const colorScheme of ["light", "dark"]) await look(width, colorScheme);
console.log(`Look at ${folder}`);

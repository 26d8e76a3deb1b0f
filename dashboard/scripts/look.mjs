// Saves screenshots of every view and state to look-out/. The arguments select scenes and widths.
// BANTER_LANGUAGE specifies the language of the page, such as `de`. With FORCED_COLORS=1, the browser
// replaces the page's colors, as it does for a theme with high contrast.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { leave } from "../e2e/scenes/actions.mjs";
import { withAgents } from "../e2e/scenes/agents.mjs";
import { createChats } from "../e2e/scenes/chats.mjs";
import { scenes } from "../e2e/scenes/index.mjs";
import { withTestApp } from "../e2e/test-app.mjs";

const folder = fileURLToPath(new URL("../look-out", import.meta.url));
const sizes = { 390: [390, 844], 320: [320, 640], 768: [768, 1024], 1440: [1440, 900] };
const isWidth = (text) => text in sizes;
const wanted = process.argv.slice(2).filter((text) => !isWidth(text));
const widths = process.argv.slice(2).filter(isWidth);
/** The time limit for the scenes at one width. */
const LIMIT_MS = 1_500_000;
const language = process.env.BANTER_LANGUAGE;
const forcedColors = process.env.FORCED_COLORS ? "active" : "none";
const isWanted = (scene) => wanted.length === 0 || wanted.includes(scene);
mkdirSync(folder, { recursive: true });

/** Changes the language of the page, as if the user had done so in another tab. */
async function showLanguage(page, tag) {
  await page.evaluate((chosen) => {
    const key = "banter.preferences";
    const known = JSON.parse(localStorage.getItem(key) ?? "{}");
    localStorage.setItem(key, JSON.stringify({ ...known, language: chosen }));
    window.dispatchEvent(new StorageEvent("storage", { key }));
  }, tag);
  if (tag !== "auto") await page.locator(`html[lang="${tag}"]`).waitFor();
}

/** Takes a screenshot of the view in each theme. The scenes are set up in English. */
async function take(page, scene, width) {
  const name = `${folder}/${scene.replaceAll(" ", "-")}-${width}`;
  if (language) await showLanguage(page, language);
  await page.evaluate(() => document.fonts.ready);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(250);
    await page.screenshot({ path: `${name}-${colorScheme}.png` });
  }
  if (language) await showLanguage(page, "auto");
}

/** Takes screenshots of the selected scenes and of the page without chats, at one width. */
async function look(width) {
  const [w, h] = sizes[width];
  const isPhone = w < 768;
  const context = {
    viewport: { width: w, height: h },
    colorScheme: "light",
    reducedMotion: "reduce",
    forcedColors,
    hasTouch: isPhone,
    isMobile: isPhone,
  };
  if (isWanted("newcomer"))
    await withTestApp(
      async ({ page }) => {
        await page.goto("/");
        await page.getByRole("heading", { name: "Chat with" }).waitFor();
        await take(page, "newcomer", width);
      },
      { context },
    );
  await withTestApp(
    async ({ page, context: browser }) => {
      const chats = await createChats(page);
      for (const [scene, prepare] of Object.entries(scenes)) {
        if (!isWanted(scene)) continue;
        const view = await browser.newPage();
        await prepare(view, chats);
        await take(view, scene, width);
        await view.emulateMedia({ colorScheme: "light" });
        await leave(view);
        await view.close();
      }
    },
    { context, environment: withAgents, timeLimit: LIMIT_MS },
  );
}

for (const width of widths.length > 0 ? widths : Object.keys(sizes)) await look(width);
console.log(`Screenshots saved to ${folder}`);

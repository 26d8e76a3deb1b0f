// Renders the icons in public/icons from public/favicon.svg, with Chromium.
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const folder = fileURLToPath(new URL("../public/icons", import.meta.url));
const favicon = readFileSync(new URL("../public/favicon.svg", import.meta.url), "utf8");
const BACKGROUND = "#4f46e5";
/** The symbol of the shortcut to a new chat, which matches the button in the chat list. */
const plus = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="9" fill="${BACKGROUND}" />
<path d="M16 9v14M9 16h14" stroke="#fff" stroke-width="2.6" stroke-linecap="round" />
</svg>`;

/**
 * Each icon's file name, drawing, and size in pixels. `scale` is the part of the image that the
 * drawing covers. The rest, and the rounded corners, are filled with the background if the platform
 * crops icons. Platforms keep at least the inner 80 % of a maskable icon.
 */
const icons = [
  { name: "icon-192", drawing: favicon, size: 192 },
  { name: "icon-512", drawing: favicon, size: 512 },
  { name: "maskable-192", drawing: favicon, size: 192, scale: 0.8 },
  { name: "maskable-512", drawing: favicon, size: 512, scale: 0.8 },
  { name: "apple-touch-icon", drawing: favicon, size: 180, scale: 0.9 },
  { name: "new-chat-96", drawing: plus, size: 96 },
];

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const page = await browser.newPage();
  for (const { name, drawing, size, scale } of icons) {
    await page.setViewportSize({ width: size, height: size });
    const background = scale ? BACKGROUND : "transparent";
    const width = Math.round(size * (scale ?? 1));
    await page.setContent(
      `<body style="margin:0;height:100vh;display:grid;place-items:center;background:${background}">
      <div style="width:${width}px;height:${width}px">${drawing}</div>`,
    );
    await page.screenshot({ path: `${folder}/${name}.png`, omitBackground: true });
  }
} finally {
  await browser.close();
}

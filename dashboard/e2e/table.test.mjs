import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { findAll } from "./axe.mjs";
import { ANSWER_MS, answered, composer, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const CLIPBOARD = { permissions: ["clipboard-read", "clipboard-write"] };
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const TABLE = "| Name | Count |\n|:--|--:|\n| **bold** | 1,000 |\n| a \\| b | 2 |";
const CODE = "```python title=\"src/greet.py\"\nprint('hello')\n```";
const ANSWER = `${TABLE}\n\n${CODE}\n\n\`\`\`rust\nfn main() {}\n\`\`\``;

const copied = (page) => page.evaluate(() => navigator.clipboard.readText());
const copyButton = (page, format) =>
  thread(page).getByRole("button", { name: `Copy table as ${format}` });
const downloads = (page) => thread(page).getByRole("button", { name: "Download code" });

/** Downloads a block of code, and returns the file's name and content. */
async function download(page, press) {
  const [file] = await Promise.all([page.waitForEvent("download"), press()]);
  return [file.suggestedFilename(), await readFile(await file.path(), "utf8")];
}

test("a table is copied as CSV with cells, and as Markdown", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await startChat(page, `/echo ${ANSWER}`);
      await answered(page).waitFor({ timeout: ANSWER_MS });

      await thread(page).getByRole("table").hover();
      await copyButton(page, "CSV").click();
      await thread(page).getByRole("status").getByText("Copied").waitFor({ state: "attached" });
      assert.equal(await copied(page), 'Name,Count\r\nbold,"1,000"\r\na | b,2\r\n');
      const html = await page.evaluate(async () => {
        const [item] = await navigator.clipboard.read();
        return (await item.getType("text/html")).text();
      });
      assert.match(html, /<td>bold<\/td><td>1,000<\/td>/);

      await copyButton(page, "Markdown").press("Enter");
      await page.waitForFunction(async () =>
        (await navigator.clipboard.readText()).startsWith("| Name"),
      );
      assert.match(await copied(page), /\| \*\*bold\*\* \| 1,000 \|\n\| a \\\| b +\| +2 \|\n$/);
      assert.deepEqual(await findAll(page), []);
    },
    { context: CLIPBOARD },
  );
});

test(
  "code is downloaded with its name, or with the extension of its language",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page }) => {
      await startChat(page, `/echo ${ANSWER}`);
      await answered(page).waitFor({ timeout: ANSWER_MS });

      const named = await download(page, () => downloads(page).first().click());
      assert.deepEqual(named, ["greet.py", "print('hello')"]);
      const other = await download(page, () => downloads(page).nth(1).press("Enter"));
      assert.deepEqual(other, ["code.rs", "fn main() {}"]);
    });
  },
);

test("tables and code are copied and downloaded by touch", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await page.goto("/new");
      await composer(page).fill(`/echo ${ANSWER}`);
      await page.getByRole("button", { name: "Send", exact: true }).tap();
      await answered(page).waitFor({ timeout: ANSWER_MS });

      await copyButton(page, "CSV").tap();
      await thread(page).getByRole("status").getByText("Copied").waitFor({ state: "attached" });
      assert.match(await copied(page), /^Name,Count\r\n/);
      const [name] = await download(page, () => downloads(page).first().tap());
      assert.equal(name, "greet.py");
      const wide = await page.evaluate(() => document.body.scrollWidth - window.innerWidth);
      assert.ok(wide <= 0, `${wide} px too wide`);
    },
    { context: { ...CLIPBOARD, ...phone } },
  );
});

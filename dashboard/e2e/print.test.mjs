import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, chooseFromMenu, composer, startChat, thread } from "./chat.mjs";
import { waitForEnd, withHistory } from "./long-history.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

/** Returns the number of pages of a PDF document. */
const countPages = (pdf) => pdf.toString("latin1").match(/\/Type\s*\/Page[^s]/g)?.length ?? 0;

test("printing a chat prints every turn that was fetched", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await withHistory(page);
    await waitForEnd(page);
    await page.evaluate(() => {
      window.addEventListener("beforeprint", () => {
        const log = document.querySelector('[role="log"]');
        window.printed = log.querySelectorAll("[data-turn]").length;
      });
    });

    const pdf = await page.pdf();

    assert.equal(await page.evaluate(() => window.printed), 51);
    assert.ok(countPages(pdf) >= 5, `${countPages(pdf)} pages`);
    await page.waitForFunction(
      () => document.querySelectorAll('[role="log"] [data-turn]').length < 30,
    );
    await waitForEnd(page);
    await thread(page).getByText("/echo hello", { exact: true }).waitFor();
  });
});

test("only the chat is printed, in light colors", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.addInitScript(() =>
      localStorage.setItem("banter.preferences", JSON.stringify({ theme: "dark" })),
    );
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    await page.emulateMedia({ media: "print" });

    await thread(page).getByText("hello", { exact: true }).waitFor();
    await composer(page).waitFor({ state: "hidden" });
    await page.getByRole("navigation").waitFor({ state: "hidden" });
    const color = await thread(page).evaluate((log) => getComputedStyle(log).color);
    assert.equal(color, "rgb(28, 27, 26)");
  });
});

test("code and tables are printed whole", TIMEOUT, async () => {
  // A4 without its margins, at 96 dpi.
  const context = { viewport: { width: 688, height: 1000 } };
  await withTestApp(
    async ({ page }) => {
      const code = Array.from({ length: 60 }, (_, index) => `line ${index} ${"long ".repeat(60)}`);
      const row = (text) => `| ${Array.from({ length: 9 }, () => text).join(" | ")} |`;
      const table = [row("head"), row("---"), row("some words that are long")].join("\n");
      await startChat(page, `/echo \`\`\`sh\n${code.join("\n")}\n\`\`\`\n\n${table}`);
      await answered(page).waitFor({ timeout: ANSWER_MS });
      await page.reload();
      await page.getByRole("button", { name: "Show all 60 lines" }).waitFor();

      await page.emulateMedia({ media: "print" });

      await page.getByRole("button", { name: "Show all 60 lines" }).waitFor({ state: "hidden" });
      const cut = await page.locator("[data-answer] .frame").evaluateAll((frames) =>
        frames.flatMap((frame) =>
          [frame, ...frame.querySelectorAll("*")]
            .filter((part) => {
              const inner = part.getBoundingClientRect();
              const outer = frame.getBoundingClientRect();
              return inner.right > outer.right + 1 || inner.bottom > outer.bottom + 1;
            })
            .map(({ tagName }) => tagName),
        ),
      );
      assert.deepEqual(cut, []);
      const frames = await page
        .locator("[data-answer] .frame")
        .evaluateAll((all) => all.map((frame) => frame.getBoundingClientRect().right));
      assert.ok(Math.max(...frames) <= 688, `right edges: ${frames}`);
    },
    { context },
  );
});

test("the menu's Print command fetches and prints all turns", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.addInitScript(() => {
      window.print = () => {
        const turns = document.querySelectorAll('[role="log"] [data-turn]');
        window.printed = [...turns].map(({ dataset }) => Number(dataset.turn));
        window.dispatchEvent(new Event("afterprint"));
      };
    });
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await withHistory(page, { turns: 300 });

    await chooseFromMenu(page, "Print…");

    await page.waitForFunction(() => window.printed !== undefined);
    const printed = await page.evaluate(() => window.printed);
    assert.deepEqual(
      printed,
      Array.from({ length: 301 }, (_, index) => index + 1),
    );
    await page.waitForFunction(
      () => document.querySelectorAll('[role="log"] [data-turn]').length < 30,
    );
  });
});

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ANSWER_MS, answered, composer, finished, send, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const AGENTS = `
[[agents]]
key = "demo"
name = "Demo"
driver = "demo"

[[agents]]
key = "other"
name = "Other"
driver = "demo"
`;

test("a fork continues from an answer and links to its origin", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo first answer");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await send(page, "/echo second answer");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    const original = page.url();

    await finished(page).first().hover();
    await finished(page).first().getByRole("button", { name: "Fork" }).click();

    await page.waitForURL((url) => url.href !== original && url.pathname.startsWith("/chat/"));
    await thread(page).getByText("first answer", { exact: true }).waitFor();
    assert.equal(await thread(page).getByText("second answer", { exact: true }).count(), 0);
    await send(page, "/echo only in the fork");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await page.reload();
    await thread(page).getByText("only in the fork", { exact: true }).waitFor();
    await thread(page)
      .getByRole("link", { name: /^Forked from/ })
      .click();
    await page.waitForURL(original);
    await thread(page).getByText("second answer", { exact: true }).waitFor();
    assert.equal(await thread(page).getByText("only in the fork", { exact: true }).count(), 0);
  });
});

test("another agent continues a chat, and a divider says so", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await startChat(page, "/echo first answer");
      await answered(page).waitFor({ timeout: ANSWER_MS });

      await page.getByRole("button", { name: "More actions", exact: true }).click();
      await page.getByRole("menuitem", { name: "Change agent…" }).click();
      const dialog = page.getByRole("dialog", { name: "Change agent" });
      await dialog.getByText("Other", { exact: true }).click();
      await dialog.getByRole("button", { name: "Change" }).click();
      await dialog.waitFor({ state: "hidden" });

      await composer(page).and(page.getByPlaceholder(/Other/)).waitFor();
      await send(page, "/echo second answer");
      await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
      await thread(page).getByText("Other answers from here on").waitFor();
      await page.reload();
      await thread(page).getByText("Other answers from here on").waitFor();
    },
    {
      environment: async (folder) => {
        const file = join(folder, "agents.toml");
        await writeFile(file, AGENTS);
        return { AGENTS_FILE: file };
      },
    },
  );
});

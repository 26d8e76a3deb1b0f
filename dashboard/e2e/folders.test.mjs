import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ANSWER_MS, answered, send } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

test("a chat works in the chosen folder, which the next chat suggests", TIMEOUT, async () => {
  const folder = mkdtempSync(join(tmpdir(), "banter-project-"));
  const agents = `
[[agents]]
key = "demo"
name = "Demo"

[[folders]]
key = "website"
name = "Website"
path = "${folder}"

[[folders]]
key = "gone"
name = "Old project"
path = "${folder}/gone"
`;
  try {
    await withTestApp(
      async ({ page }) => {
        const picker = page.getByRole("combobox", { name: "Folder" });
        await page.goto("/new");
        await picker.waitFor();
        await picker.getByRole("option", { name: "unavailable" }).waitFor({ state: "attached" });
        assert.deepEqual(await picker.locator("option").allTextContents(), [
          "No folder",
          "Website",
          "Old project – unavailable",
        ]);
        await picker.selectOption({ label: "Website" });
        await page.getByText(folder, { exact: true }).waitFor();

        await send(page, "/echo in the folder");
        await page.waitForURL(/\/chat\/[0-9a-f-]{36}$/);

        await answered(page).waitFor({ timeout: ANSWER_MS });
        await page.locator("main header").getByText("Website").waitFor();
        await page.reload();
        await page.locator("main header").getByText("Website").waitFor();
        await page.getByRole("link", { name: "New chat" }).first().click();
        await picker.waitFor();
        assert.equal(await picker.inputValue(), "website");
      },
      {
        environment: async (directory) => {
          const file = join(directory, "agents.toml");
          await writeFile(file, agents);
          return { AGENTS_FILE: file };
        },
      },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findAll } from "./axe.mjs";
import { ANSWER_MS, chooseFromMenu, finished, send } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

test(
  "a turn shows the files that it changed, and the chat shows all of them",
  TIMEOUT,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "banter-project-"));
    writeFileSync(join(folder, "README.md"), "one\ntwo\n");
    const agents = `
[[agents]]
key = "editor"
name = "Editor"
driver = "command"
input = "message"
command = "sh"
args = ["-c", 'read -r name; echo "$name" >> README.md; echo new > "$name"; echo Done']

[[agents]]
key = "demo"
enabled = false

[[folders]]
key = "website"
name = "Website"
path = "${folder}"
`;
    try {
      await withTestApp(
        async ({ page }) => {
          await page.goto("/new");
          await page.getByRole("combobox", { name: "Folder" }).selectOption({ label: "Website" });
          await send(page, "first.txt");
          await page.waitForURL(/\/chat\//);
          await finished(page).first().waitFor({ timeout: ANSWER_MS });
          const summary = page.getByRole("button", { name: /2 files changed/ });
          await summary.waitFor();
          await send(page, "second.txt");
          await summary.nth(1).waitFor({ timeout: ANSWER_MS });

          await summary.nth(1).click();

          const dialog = page.getByRole("dialog", { name: "Changed files" });
          const diff = dialog.getByRole("group", { name: "Changes to README.md" });
          await diff.getByText("second.txt").waitFor();
          const names = () => dialog.locator("summary bdi").allTextContents();
          assert.deepEqual(await names(), ["README.md", "second.txt"]);
          assert.deepEqual(await findAll(page), []);
          await dialog.getByRole("button", { name: "Whole chat" }).click();
          await dialog.locator("summary bdi").nth(2).waitFor();
          assert.deepEqual(await names(), ["README.md", "first.txt", "second.txt"]);
          await page.keyboard.press("Escape");
          await dialog.waitFor({ state: "hidden" });
          await page.reload();
          await summary.nth(1).waitFor();
          await chooseFromMenu(page, "Changed files…");
          await dialog.locator("summary bdi").nth(2).waitFor();
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
  },
);

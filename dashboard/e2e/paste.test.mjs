import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { pending, uploaded } from "./attachments.mjs";
import { findAll } from "./axe.mjs";
import { ANSWER_MS, composer, focused, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const context = {
  permissions: ["clipboard-read", "clipboard-write"],
  reducedMotion: "reduce",
};
const LONG = "All work and no play makes a long text.\n".repeat(200);

const offer = (page) => page.getByRole("button", { name: "Attach as file" });

async function paste(page, text) {
  await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
  await composer(page).press("ControlOrMeta+V");
}

/** Waits until the composer contains the text. */
const hasText = (page, text) =>
  page.waitForFunction(
    (expected) => document.querySelector("main textarea").value === expected,
    text,
  );

test("a long pasted text can be attached as a file, and that can be undone", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await page.goto("/new");
      await composer(page).fill("Summarize this: ");
      await paste(page, "short");
      await paste(page, LONG);
      await page.getByText("You pasted 8 kB of text.").waitFor();
      await hasText(page, `Summarize this: short${LONG}`);
      assert.deepEqual(await findAll(page), []);

      await offer(page).click();
      await uploaded(page, "pasted.txt").waitFor();
      await hasText(page, "Summarize this: short");
      await focused(page, composer(page));
      await offer(page).waitFor({ state: "detached" });

      await page.keyboard.press("ControlOrMeta+Z");
      await hasText(page, `Summarize this: short${LONG}`);
      await pending(page).waitFor({ state: "detached" });
      await offer(page).waitFor();
      await page.keyboard.press("ControlOrMeta+Shift+Z");
      await hasText(page, "Summarize this: short");
      await uploaded(page, "pasted.txt").waitFor();

      await composer(page).press("Enter");
      await thread(page).getByRole("link", { name: "Download pasted.txt" }).waitFor();
      await thread(page).getByText("with 200 lines").waitFor({ timeout: ANSWER_MS });
    },
    { context },
  );
});

test(
  "the offer is dismissed by its button, by sending, and by deleting the text",
  TIMEOUT,
  async () => {
    await withTestApp(
      async ({ page }) => {
        await page.goto("/new");
        await composer(page).waitFor();
        await paste(page, LONG);
        await page.getByRole("button", { name: "Keep as text" }).click();
        await offer(page).waitFor({ state: "detached" });
        await focused(page, composer(page));

        await composer(page).fill("");
        await paste(page, LONG);
        await offer(page).waitFor();
        await composer(page).press("Backspace");
        await offer(page).waitFor({ state: "detached" });

        await composer(page).fill("");
        await paste(page, LONG);
        await offer(page).waitFor();
        await composer(page).press("Enter");
        await offer(page).waitFor({ state: "detached" });
        assert.equal(await pending(page).count(), 0);
      },
      { context },
    );
  },
);

test("an agent that does not accept files never gets the offer", TIMEOUT, async () => {
  const environment = (folder) => {
    const file = `${folder}/agents.toml`;
    const agent = 'key = "print"\nname = "Print"\ndriver = "command"\ncommand = "cat"\n';
    writeFileSync(file, `[[agents]]\n${agent}`);
    return { AGENTS_FILE: file };
  };
  await withTestApp(
    async ({ page }) => {
      await page.goto("/new?agent=print");
      await page.getByPlaceholder("Message Print…").waitFor();
      await paste(page, LONG);
      await hasText(page, LONG);
      assert.equal(await offer(page).count(), 0);
      assert.equal(await page.getByRole("button", { name: "Attach files" }).count(), 0);
    },
    { context, environment },
  );
});

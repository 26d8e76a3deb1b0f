import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { ANSWER_MS, answered, composer, send } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const phone = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true };

for (const [device, context] of Object.entries({ desktop: {}, phone })) {
  test(`a new user on a ${device} gets an answer without setup`, TIMEOUT, async () => {
    await withTestApp(
      async ({ page }) => {
        const startedAt = Date.now();
        await page.goto("/");
        await page.getByRole("heading", { name: "Chat with Demo" }).waitFor();
        assert.equal(await page.getByRole("radio").count(), 0, "agent cards with only one agent");

        await composer(page).fill("/echo hello there");
        await page.getByRole("button", { name: "Send" }).click();
        await page.waitForURL(/\/chat\//);
        await answered(page).waitFor({ timeout: ANSWER_MS });

        // This usually takes one or two seconds, but longer on a busy machine.
        assert.ok(Date.now() - startedAt < 30_000, `it took ${Date.now() - startedAt} ms`);
      },
      { context },
    );
  });
}

test("with several agents, the first available one is selected", TIMEOUT, async () => {
  const environment = (folder) => {
    const file = `${folder}/agents.toml`;
    writeFileSync(
      file,
      `[[agents]]
key = "other"
name = "Other"
driver = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key_env = "KEY_THAT_IS_NOT_SET"
`,
    );
    return { AGENTS_FILE: file };
  };
  await withTestApp(
    async ({ page }) => {
      await page.goto("/");
      const cards = page.getByRole("radio");
      await cards.nth(1).waitFor({ state: "attached" });
      assert.equal(await cards.count(), 2);
      await send(page, "/echo hello");
      await page.waitForURL(/\/chat\//);
      await answered(page).waitFor({ timeout: ANSWER_MS });
    },
    { environment },
  );
});

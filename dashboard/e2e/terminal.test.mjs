import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import {
  ANSWER_MS,
  answered,
  finished,
  live,
  row,
  send,
  thread,
  waitForShownText,
} from "./chat.mjs";
import { BUILD_OUTPUT } from "./scenes/agents.mjs";
import { colorSteps } from "./scenes/responses.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const ESC = "\\033";

const shown = (page) => page.locator("[data-terminal]");

/**
 * Returns an environment with an agent that runs `script` with `sh`. `more` is appended to the
 * agent's table.
 */
function withScript(script, more = "", folderOf = () => {}) {
  return (folder) => {
    folderOf(folder);
    const file = `${folder}/agents.toml`;
    const run = script.replaceAll("FOLDER", folder);
    const table = `[[agents]]\nkey = "script"\nname = "Script"\ndriver = "command"\ncommand = "sh"\ninput = "message"\n`;
    writeFileSync(file, `${table}args = ["-c", ${JSON.stringify(run)}]\n${more}\n`);
    return { AGENTS_FILE: file };
  };
}

async function ask(page) {
  await page.goto("/new?agent=script");
  await page.getByRole("radio", { name: "Script", exact: true }).waitFor({ state: "attached" });
  await send(page, "go");
  await page.waitForURL(/\/chat\/[0-9a-f-]{36}$/);
}

test(
  "terminal output keeps its lines, columns, and colors while streaming and afterwards",
  TIMEOUT,
  async () => {
    const first = `printf '${ESC}[33mone${ESC}[0m   a\\ntwo     b\\n 10%%\\r 99%%\\r'`;
    const second = `printf '${ESC}[K100%%\\n*three* _3_ # no Markdown\\n'`;
    const script = `${first}; until [ -e FOLDER/go ]; do sleep 0.05; done; ${second}`;
    let folder = "";
    const environment = withScript(script, "", (made) => {
      folder = made;
    });
    await withTestApp(
      async ({ page, context }) => {
        await context.grantPermissions(["clipboard-read", "clipboard-write"]);
        await ask(page);
        await live(page).getByText("99%").waitFor({ timeout: ANSWER_MS });
        await waitForShownText(shown(page), "one   a\ntwo     b\n 99%");
        const color = (page) =>
          shown(page)
            .getByText("one", { exact: true })
            .evaluate((one) => getComputedStyle(one).color);
        const liveColor = await color(page);

        writeFileSync(`${folder}/go`, "");
        await answered(page).waitFor({ timeout: ANSWER_MS });

        const text = "one   a\ntwo     b\n100%\n*three* _3_ # no Markdown";
        await waitForShownText(shown(page), text);
        assert.equal(await color(page), liveColor);
        assert.notEqual(
          liveColor,
          await shown(page).evaluate((one) => getComputedStyle(one).color),
        );
        await finished(page).hover();
        await finished(page).getByRole("button", { name: "Copy" }).click();
        await thread(page).getByText("Copied").waitFor();
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${text}\n`);
        const preview = await row(page).innerText();
        assert.ok(!preview.includes("\u001b") && !preview.includes("[33m"), preview);
        assert.ok(preview.includes("one a two b 100%"), preview);
      },
      { environment },
    );
  },
);

test("output is rendered as Markdown if the agent's format says so", TIMEOUT, async () => {
  const script = `printf '# Title\\n\\n${ESC}[31mSome${ESC}[0m **bold** text\\n'`;
  await withTestApp(
    async ({ page }) => {
      await ask(page);
      await answered(page).waitFor({ timeout: ANSWER_MS });

      await thread(page).getByRole("heading", { name: "Title" }).waitFor();
      await thread(page).locator("strong", { hasText: "bold" }).waitFor();
      await thread(page).getByText("Some bold text", { exact: true }).waitFor();
      assert.equal(await shown(page).count(), 0);
    },
    { environment: withScript(script, 'format = "markdown"') },
  );
});

test("terminal output of a removed agent is still rendered", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await ask(page);
      await answered(page).waitFor({ timeout: ANSWER_MS });
      await page.route("**/v1/agents", (route) => route.fulfill({ json: { items: [] } }));

      await page.reload();

      await page.getByText("no longer configured").waitFor();
      await shown(page).getByText("the report").waitFor();
      assert.ok((await shown(page).innerText()).startsWith("Building 3 packages\n 100%  12.4 s\n"));
    },
    { environment: withScript(`printf '${BUILD_OUTPUT}'`) },
  );
});

test("the output of a tool call has colors, but its title does not", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await colorSteps(page);
    await page.goto("/new");
    await send(page, "/tool");
    await page.getByRole("button", { name: "Allow" }).click({ timeout: ANSWER_MS });
    await answered(page).waitFor({ timeout: ANSWER_MS });

    await page.reload();
    await thread(page).getByText("2 steps").click();
    await thread(page).locator("summary", { hasText: "Count the words" }).click();

    const output = thread(page).locator("pre", { hasText: "running 3 tests" });
    await waitForShownText(output, "running 3 tests\nok reads\nFAILED writes\n 3/3\n2 failed");
    assert.equal(await output.locator(".ansi-color").count(), 3);
    assert.equal(await thread(page).getByText("[1m").count(), 0);
  });
});

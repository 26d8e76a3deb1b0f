import assert from "node:assert/strict";
import { test } from "node:test";
import { ask as askStep, gate, say, scripted, together, withScriptedAgent } from "./acp-agent.mjs";
import {
  ANSWER_MS,
  answered,
  composer,
  finished,
  focused,
  retryButtons,
  send,
  startChat,
  startChatWith,
  thread,
} from "./chat.mjs";
import { withPermissionAgent } from "./permission-agent.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

const card = (page) => page.getByRole("group", { name: "Permission request" });

test("a permission request can be allowed or rejected", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/tool");
    await card(page).getByText("Count the words in a poem").waitFor({ timeout: ANSWER_MS });
    await card(page).getByText("wc --words poem.txt").waitFor();
    await page.getByText("Waiting for your permission").waitFor();
    await page.getByRole("navigation").getByText("Permission needed: Count the words").waitFor();

    await card(page).getByRole("button", { name: "Allow" }).click();

    await thread(page).getByText("the poem has 14 words").waitFor({ timeout: ANSWER_MS });
    await card(page).waitFor({ state: "detached" });
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await page.reload();
    await thread(page).getByText("2 steps · ran 1 command").click();
    await thread(page).getByText("Allowed: Count the words in a poem").waitFor();
    await thread(page).locator("summary", { hasText: "Count the words" }).click();
    await thread(page).getByText("wc --words poem.txt").waitFor();
    await thread(page).getByText("14 poem.txt").waitFor();

    await send(page, "/tool");
    await card(page).waitFor({ timeout: ANSWER_MS });
    await card(page).getByRole("button", { name: "Reject" }).click();

    await thread(page).getByText("approved, so I didn’t run").waitFor({ timeout: ANSWER_MS });
    await card(page).waitFor({ state: "detached" });
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
  });
});

test("a permission request is shown after a reload and withdrawn by Stop", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/tool");
    await card(page).waitFor({ timeout: ANSWER_MS });

    await page.reload();
    await card(page).waitFor({ timeout: ANSWER_MS });
    await page.getByRole("button", { name: "Stop" }).click();

    await card(page).waitFor({ state: "detached" });
    await retryButtons(page).waitFor();
  });
});

test("the focus moves on after a request is answered with the keyboard", TIMEOUT, async () => {
  const { environment, openGate } = withScriptedAgent([
    askStep({ toolCallId: "a", title: "Write a.txt" }),
    gate("next"),
    askStep({ toolCallId: "b", title: "Write b.txt" }),
    say("Done."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      await card(page).getByText("Write a.txt").waitFor({ timeout: ANSWER_MS });
      await card(page).getByRole("button", { name: "Allow" }).focus();

      await page.keyboard.press("Enter");

      await card(page).waitFor({ state: "detached" });
      await focused(page, composer(page));
      openGate("next");
      await card(page).getByText("Write b.txt").waitFor({ timeout: ANSWER_MS });
      await focused(page, composer(page));
      await page.keyboard.press("Shift+Tab");
      await focused(page, card(page).getByRole("button", { name: "Reject" }));
      await page.keyboard.press("Space");

      await answered(page).waitFor({ timeout: ANSWER_MS });
      await focused(page, composer(page));
    },
    { environment },
  );
});

test("the focus moves to the next request", TIMEOUT, async () => {
  const { environment } = withScriptedAgent([
    together(
      askStep({ toolCallId: "a", title: "Write a.txt" }),
      askStep({ toolCallId: "b", title: "Write b.txt" }),
    ),
    say("Done."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      const [first, second] = ["Write a.txt", "Write b.txt"].map((title) =>
        card(page).filter({ hasText: title }),
      );
      await second.waitFor({ timeout: ANSWER_MS });
      await first.waitFor();
      await second.getByRole("button", { name: "Allow" }).focus();

      await page.keyboard.press("Enter");

      await second.waitFor({ state: "detached" });
      await focused(page, first);
      await page.keyboard.press("Tab");
      await focused(page, first.getByRole("button", { name: "Allow" }));
    },
    { environment },
  );
});

test("without a keyboard, the focus moves to the thread after an answer", TIMEOUT, async () => {
  const { environment } = withScriptedAgent([
    askStep({ toolCallId: "a", title: "Write a.txt" }),
    say("Done."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await page.goto("/new?agent=scripted");
      await composer(page).fill("Go");
      await page.getByRole("button", { name: "Send" }).click();
      await card(page).getByRole("button", { name: "Allow" }).focus();

      await page.keyboard.press("Enter");

      await answered(page).waitFor({ timeout: ANSWER_MS });
      await focused(page, thread(page));
    },
    {
      environment,
      context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
    },
  );
});

const databases = [
  { optionId: "lite", name: "SQLite", kind: "allow_once" },
  {
    optionId: "pg",
    name: `PostgreSQL, ${"and everything that it needs, ".repeat(6)}too`,
    kind: "allow_once",
  },
  { optionId: "both", name: "Keep both", kind: "allow_once" },
];

async function ask(page) {
  await page.goto("/new?agent=permission");
  await page.getByRole("radio", { name: "Permission" }).waitFor({ state: "attached" });
  await composer(page).fill("Set it up");
  await page.getByRole("button", { name: "Send" }).click();
  await card(page).getByText("Which database").waitFor({ timeout: ANSWER_MS });
}

test("all options of a permission request are offered by name", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await ask(page);
      const names = await card(page).getByRole("button").allTextContents();
      assert.deepEqual(names, [...databases.map(({ name }) => name), "Reject"]);
      for (const button of await card(page).getByRole("button").all()) {
        const box = await button.boundingBox();
        assert.ok(
          Math.round(box.height) >= 40 && box.x >= 0 && box.x + box.width <= 390,
          JSON.stringify(box),
        );
      }

      await card(page).getByRole("button", { name: "Keep both" }).focus();
      await page.keyboard.press("Enter");

      await thread(page).getByText("Outcome: selected both").waitFor({ timeout: ANSWER_MS });
      await finished(page).waitFor({ timeout: ANSWER_MS });
      await thread(page).getByText("2 steps").click();
      await thread(page)
        .getByText("Allowed: Which database should I use? · Keep both")
        .first()
        .waitFor();
    },
    {
      context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
      environment: withPermissionAgent(databases),
    },
  );
});

test("a permission request without a rejecting option can be rejected", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await ask(page);

      await card(page).getByRole("button", { name: "Reject" }).click();

      await thread(page).getByText("Outcome: cancelled").waitFor({ timeout: ANSWER_MS });
      await card(page).waitFor({ state: "detached" });
    },
    { environment: withPermissionAgent(databases) },
  );
});

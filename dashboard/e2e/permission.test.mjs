import { test } from "node:test";
import { ANSWER_MS, answered, retries, say, send, thread } from "./chat.mjs";
import { onStage } from "./stage.mjs";

const TIMEOUT = { timeout: 300_000 };

const card = (page) => page.getByRole("group", { name: "Permission request" });

test("an agent that asks is allowed or refused, once, and says what it did", TIMEOUT, async () => {
  await onStage(async ({ page }) => {
    await say(page, "/tool");
    await card(page).getByText("Count the words of a poem").waitFor({ timeout: ANSWER_MS });
    await card(page).getByText("wc --words poem.txt").waitFor();
    await page.getByText("Waiting for you").waitFor();
    await page.getByRole("navigation").getByText("Needs you: Count the words").waitFor();

    await card(page).getByRole("button", { name: "Allow" }).click();

    await thread(page).getByText("the poem has 14 words").waitFor({ timeout: ANSWER_MS });
    await card(page).waitFor({ state: "detached" });
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await page.reload();
    await thread(page).getByText("2 steps · ran 1 command").click();
    await thread(page).getByText("You allowed it: Count the words of a poem").waitFor();
    await thread(page).locator("summary", { hasText: "Count the words" }).click();
    await thread(page).getByText("wc --words poem.txt").waitFor();
    await thread(page).getByText("14 poem.txt").waitFor();

    await send(page, "/tool");
    await card(page).waitFor({ timeout: ANSWER_MS });
    await card(page).getByRole("button", { name: "Reject" }).click();

    await thread(page).getByText("You did not allow it").waitFor({ timeout: ANSWER_MS });
    await card(page).waitFor({ state: "detached" });
    await answered(page).nth(1).waitFor({ timeout: ANSWER_MS });
  });
});

test("a request outlives a reload, and Stop takes it away", TIMEOUT, async () => {
  await onStage(async ({ page }) => {
    await say(page, "/tool");
    await card(page).waitFor({ timeout: ANSWER_MS });

    await page.reload();
    await card(page).waitFor({ timeout: ANSWER_MS });
    await page.getByRole("button", { name: "Stop" }).click();

    await card(page).waitFor({ state: "detached" });
    await retries(page).waitFor();
  });
});

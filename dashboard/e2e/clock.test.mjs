import { test } from "node:test";
import { ANSWER_MS, live, row, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

test(
  "elapsed times follow the server's clock on a device with a wrong clock",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page, context }) => {
      await context.addInitScript(() => {
        const real = Date.now.bind(Date);
        Date.now = () => real() + 3 * 3_600_000;
      });
      await startChat(page, "/slow 600");
      await live(page).waitFor({ timeout: ANSWER_MS });
      const status = thread(page).getByText(/^Answering · \d+s$/);
      await status.waitFor();
      await row(page).getByText("now", { exact: true }).waitFor();

      // A follower tab, which receives its events from the leader, also has the correct time.
      const other = await context.newPage();
      await other.goto(page.url());
      await live(other).waitFor();
      await thread(other)
        .getByText(/^Answering · \d+s$/)
        .waitFor({ timeout: 10_000 });
      await page.getByRole("button", { name: "Stop" }).click();
      await live(page).waitFor({ state: "detached" });
    });
  },
);

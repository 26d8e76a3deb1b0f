import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANSWER_MS,
  answered,
  composer,
  focused,
  live,
  retries,
  row,
  say,
  send,
  thread,
} from "./chat.mjs";
import { onStage } from "./stage.mjs";

const TIMEOUT = { timeout: 300_000 };

/** Lets the test set whether the page has the focus. */
function controlFocus(page) {
  return page.addInitScript(() => {
    let hasFocus = true;
    document.hasFocus = () => hasFocus;
    window.setFocus = (next) => {
      hasFocus = next;
      window.dispatchEvent(new Event(next ? "focus" : "blur"));
    };
  });
}

test("an answer is marked as read only when the page has the focus", TIMEOUT, async () => {
  await onStage(async ({ page }) => {
    await controlFocus(page);
    await say(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await page.evaluate(() => window.setFocus(false));
    const divider = thread(page).getByText("New", { exact: true });
    assert.equal(await divider.count(), 0);

    await send(page, "/echo unfocused");
    await answered(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await row(page).getByText("1 unread message").waitFor();
    await page.waitForFunction(() => document.title.startsWith("(1) "));

    await page.evaluate(() => window.setFocus(true));
    await row(page).getByText("1 unread message").waitFor({ state: "detached" });
    await page.waitForFunction(() => !document.title.startsWith("("));
  });
});

test(
  "the New divider precedes the first answer that arrived while the chat was closed",
  TIMEOUT,
  async () => {
    await onStage(async ({ page }) => {
      const session = await (
        await page.request.post("/v1/chat", { data: { agent_key: "demo" } })
      ).json();
      const sendMessage = async (content) => {
        const path = `/v1/chat/${session.id}/messages?wait=60`;
        assert.equal((await page.request.post(path, { data: { content } })).status(), 200);
      };
      await sendMessage("/echo one");
      await sendMessage("/echo two");

      await page.goto(`/chat/${session.id}`);
      const divider = thread(page).getByText("New", { exact: true });
      await divider.waitFor();
      const tops = [];
      for (const text of ["/echo one", "New", "two"])
        tops.push((await thread(page).getByText(text, { exact: true }).boundingBox()).y);
      assert.deepEqual(
        tops,
        tops.toSorted((a, b) => a - b),
      );
      await row(page)
        .getByText(/unread/)
        .waitFor({ state: "detached" });
      await divider.waitFor();

      await send(page, "/echo three");
      await divider.waitFor({ state: "detached" });
      await answered(page).nth(2).waitFor({ timeout: ANSWER_MS });
    });
  },
);

test("unread answers of chats beyond the loaded list are counted", TIMEOUT, async () => {
  await onStage(async ({ page }) => {
    const make = async (title) =>
      (await page.request.post("/v1/chat", { data: { agent_key: "demo", title } })).json();
    const old = await make("Old news");
    for (const content of ["/echo one", "/echo two"]) {
      const path = `/v1/chat/${old.id}/messages?wait=60`;
      assert.equal((await page.request.post(path, { data: { content } })).status(), 200);
    }
    for (let number = 0; number < 50; number += 1) await make(`Chat ${number}`);

    await page.goto("/new");
    const list = page.getByRole("navigation");
    await list.getByText("Chat 49").waitFor();
    await page.waitForFunction(() => document.title.startsWith("(2) "));
    assert.equal(await list.getByText("Old news").count(), 0, "rows of the old chat");

    await list.getByRole("button", { name: "Show more" }).press("Enter");
    const found = list.getByRole("link", { name: "Old news" });
    await focused(page, found);
    await found.press("Enter");
    await page.waitForFunction(() => document.title === "Old news · Banter");
  });
});

test("marking a chat as read is retried after a failure", TIMEOUT, async () => {
  await onStage(async ({ page }) => {
    let tries = 0;
    await page.route("**/v1/chat/*/read", (route) => {
      tries += 1;
      return tries < 3 ? route.abort() : route.continue();
    });
    await say(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    await row(page).getByText("1 unread message").waitFor();
    await row(page).getByText("1 unread message").waitFor({ state: "detached" });
    assert.equal(tries, 3);
  });
});

test("screen readers announce turns rather than tokens", TIMEOUT, async () => {
  await onStage(async ({ page }) => {
    await say(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await thread(page).evaluate((log) => {
      window.announced = [];
      const isAnnounced = (node) =>
        (node instanceof Element ? node : node.parentElement)?.closest("[aria-live]") === log;
      new MutationObserver((changes) => {
        for (const node of changes.flatMap(({ addedNodes }) => [...addedNodes]))
          if (node.isConnected && isAnnounced(node) && node.textContent) {
            const copy = node.cloneNode(true);
            if (copy instanceof Element)
              for (const off of copy.querySelectorAll('[aria-live="off"]')) off.remove();
            if (copy.textContent) window.announced.push(copy.textContent);
          }
      }).observe(log, { childList: true, subtree: true });
    });

    await send(page, "/slow 8");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await page.waitForFunction(
      () => (document.querySelector("[data-live]")?.textContent?.length ?? 0) > 80,
    );
    const early = await page.evaluate(() => window.announced);
    await answered(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await live(page).waitFor({ state: "detached" });
    const all = await page.evaluate(() => window.announced);

    const answer = (await page.locator("[data-answer]").nth(1).textContent()) ?? "";
    const begin = answer.slice(0, 20);
    assert.equal(
      early.filter((text) => text.includes(begin)).length,
      0,
      "announcements of partial answers",
    );
    assert.equal(
      all.filter((text) => text.includes(begin)).length,
      1,
      "announcements of the answer",
    );
    assert.ok(
      all.find((text) => text.includes(begin)).includes(answer),
      "the answer is announced completely",
    );
    assert.ok(all.some((text) => text.includes("/slow 8")));
  });
});

test(
  "elapsed times follow the server's clock on a device with a wrong clock",
  TIMEOUT,
  async () => {
    await onStage(async ({ page, context }) => {
      await context.addInitScript(() => {
        const real = Date.now.bind(Date);
        Date.now = () => real() + 3 * 3_600_000;
      });
      await say(page, "/slow 600");
      await live(page).waitFor({ timeout: ANSWER_MS });
      const status = thread(page).getByText(/^Answering · \d+s$/);
      await status.waitFor();
      await row(page).getByText("now", { exact: true }).waitFor();

      // A follower tab, which receives events from the leader, has the correct time as well.
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

test("a failed turn shows the reason and can be retried", TIMEOUT, async () => {
  await onStage(async ({ page }) => {
    await say(page, "/fail");
    await thread(page).getByText("Failed", { exact: true }).waitFor({ timeout: ANSWER_MS });
    await page.getByRole("navigation").getByText("Failed: ").waitFor();
    await thread(page).getByText("The agent refused the request.").waitFor();

    const retry = retries(page);
    const isTaken = (one) => one.url().endsWith("/retry") && one.status() === 202;
    const taken = page.waitForResponse(isTaken);
    await retry.dblclick();
    // If there were two requests, the response to the other one may be a 409.
    await taken;

    await thread(page).getByText("The agent refused the request.").waitFor({ timeout: ANSWER_MS });
    await thread(page).getByText("Failed", { exact: true }).waitFor();
    const failure = page.getByText(/already been answered|still working/);
    assert.equal(await failure.count(), 0, "errors about a repeated retry");
    await composer(page).waitFor();
  });
});

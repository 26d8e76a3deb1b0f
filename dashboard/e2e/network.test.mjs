import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANSWER_MS,
  answered,
  composer,
  finished,
  live,
  retryButtons,
  send,
  startChat,
  thread,
} from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const POSTS = "**/v1/chat/*/messages";

/** Asserts that the page shows the answers that the api returns. */
async function assertAnswersComplete(page) {
  await finished(page).last().waitFor({ timeout: ANSWER_MS });
  await live(page).waitFor({ state: "detached" });
  const id = page.url().split("/").at(-1);
  const { messages } = await (await page.request.get(`/v1/chat/${id}`)).json();
  const words = (text) => text.match(/[\p{L}\p{N}]+/gu);
  const bubbles = await page.locator("[data-answer]").evaluateAll((all) =>
    all.map((one) => {
      const copy = one.cloneNode(true);
      for (const extra of copy.querySelectorAll(".sr-only")) extra.remove();
      return copy.innerText;
    }),
  );
  const stored = messages.filter(({ role }) => role === "assistant");
  assert.deepEqual(
    bubbles.map((text) => words(text).join(" ")),
    stored.map(({ content }) => words(content).join(" ")),
  );
}

/** Records the idempotency key of each POST request for a message. */
function watchKeys(page) {
  const keys = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/messages"))
      keys.push(request.headers()["idempotency-key"]);
  });
  return keys;
}

async function assertSentOnce(page, text) {
  const id = page.url().split("/").at(-1);
  const { messages } = await (await page.request.get(`/v1/chat/${id}`)).json();
  assert.equal(messages.filter(({ content }) => content === text).length, 1, "messages in the api");
  assert.equal(
    await thread(page).getByText(text, { exact: true }).count(),
    1,
    "messages on the page",
  );
}

test("repeated disconnects neither lose nor duplicate text", TIMEOUT, async () => {
  await withTestApp(
    async ({ page, server }) => {
      await startChat(page, "/slow 6");
      for (let cut = 0; cut < 3; cut += 1) {
        const length = (await live(page).textContent({ timeout: ANSWER_MS }))?.length ?? 0;
        const reconnected = page.waitForRequest(/\/v1\/events\?after=/);
        server.network.cut();
        await reconnected;
        await page.waitForFunction(
          (before) =>
            document.querySelector("[data-answer]") ||
            (document.querySelector("[data-live]")?.textContent?.length ?? 0) > before,
          length,
        );
      }
      await assertAnswersComplete(page);
    },
    { hasNetwork: true },
  );
});

test(
  "going offline during an answer is shown, and the answer continues after reconnecting",
  TIMEOUT,
  async () => {
    await withTestApp(
      async ({ page, context, server }) => {
        await startChat(page, "/slow 8");
        await live(page).waitFor({ timeout: ANSWER_MS });

        await context.setOffline(true);
        server.network.cut();
        await page.getByText("You’re offline").filter({ visible: true }).first().waitFor();
        await thread(page).getByText("Connection lost").waitFor();
        const reconnected = page.waitForRequest(/\/v1\/events/);
        await context.setOffline(false);
        await reconnected;

        await page
          .getByText(/Reconnecting|offline/)
          .first()
          .waitFor({ state: "detached" });
        await assertAnswersComplete(page);
      },
      { hasNetwork: true },
    );
  },
);

test(
  "a hanging POST is retried after reconnecting, and the message is sent once",
  TIMEOUT,
  async () => {
    await withTestApp(
      async ({ page, server }) => {
        await startChat(page, "/echo hello");
        await answered(page).waitFor({ timeout: ANSWER_MS });
        const keys = watchKeys(page);

        server.network.hang(true);
        const posted = page.waitForRequest(POSTS);
        await send(page, "/echo swallowed");
        await thread(page).getByText("Sending").waitFor();
        await posted;
        // Wait long enough for the outbox to abort the attempt after reconnecting.
        await page.waitForTimeout(5500);
        server.network.hang(false);
        await page.evaluate(() => window.dispatchEvent(new Event("online")));

        await finished(page).nth(1).waitFor({ timeout: 20_000 });
        await assertSentOnce(page, "/echo swallowed");
        assert.equal(new Set(keys).size, 1, "distinct idempotency keys");
        assert.ok(keys.length >= 2);
      },
      { hasNetwork: true },
    );
  },
);

test("a 503 response is shown and retried with the same idempotency key", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const keys = watchKeys(page);
    const problem = { code: "store_busy", title: "Busy", detail: "The store is locked." };
    await page.route(POSTS, (route) =>
      route.fulfill({ status: 503, headers: { "Retry-After": "1" }, json: problem }),
    );

    await send(page, "/echo later");
    await thread(page).getByText("Waiting to send · The server is busy.").waitFor();
    await page.waitForRequest((request) => request.method() === "POST");
    await page.unroute(POSTS);

    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await assertSentOnce(page, "/echo later");
    assert.equal(new Set(keys).size, 1);
    assert.ok(keys.length >= 2, `${keys.length} attempts`);
  });
});

test(
  "a rejected message is kept with the reason and can be edited or retried",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page }) => {
      await startChat(page, "/echo hello");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      const refuse = (status, code) =>
        page.route(POSTS, (route) => route.fulfill({ status, json: { code, title: code } }));

      await refuse(413, "payload_too_large");
      await send(page, "/echo too much");
      await thread(page).getByText("Not sent · This message is too long.").waitFor();
      await page.reload();
      await thread(page).getByText("/echo too much").waitFor();
      await composer(page).fill("a draft");
      // The first message, which was sent, can be edited too.
      await thread(page).getByRole("button", { name: "Edit" }).last().click();
      assert.equal(await composer(page).inputValue(), "/echo too much\n\na draft");
      await thread(page).getByText("Not sent").waitFor({ state: "detached" });
      await page.unroute(POSTS);

      await refuse(409, "session_archived");
      await send(page, "/echo again");
      await thread(page).getByText("Not sent · This chat is archived.").waitFor();
      await page.unroute(POSTS);
      await retryButtons(page).click();

      await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
      await assertSentOnce(page, "/echo again");
    });
  },
);

test(
  "the first message is shown immediately, waits for the network, and creates one chat",
  TIMEOUT,
  async () => {
    await withTestApp(
      async ({ page, server }) => {
        await page.goto("/new");
        await page.getByRole("heading", { name: "Chat with Demo" }).waitFor();
        server.network.hang(true);
        await send(page, "/echo first of all");
        await page.getByText("/echo first of all", { exact: true }).waitFor();
        await page.getByText("Sending", { exact: true }).waitFor();
        await composer(page).fill("and then");
        // Browsers retry a request that fails on a reused connection, so keep cutting the
        // connections.
        const cutting = setInterval(server.network.cut, 200);
        await page.getByText("Waiting to send").waitFor();
        clearInterval(cutting);

        await page.reload();
        server.network.hang(false);
        // Requests that still hang would occupy all connections that the browser allows.
        server.network.cut();

        await page.waitForURL(/\/chat\//);
        await answered(page).waitFor({ timeout: ANSWER_MS });
        await assertSentOnce(page, "/echo first of all");
        assert.equal(await composer(page).inputValue(), "and then", "the draft is kept");
        const { items } = await (await page.request.get("/v1/chat")).json();
        assert.equal(items.length, 1, "chats in the api");
      },
      { hasNetwork: true },
    );
  },
);

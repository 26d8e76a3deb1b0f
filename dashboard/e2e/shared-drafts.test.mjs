import assert from "node:assert/strict";
import { test } from "node:test";
import { makeKey, signIn } from "./accounts.mjs";
import { ANSWER_MS, answered, composer, finished, send, startChat, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const options = { environment: async () => ({ AUTH: "required" }) };
const DRAFTS = "**/v1/chat/*/draft";

/** Waits until the composer contains this text. */
const waitForText = (page, text) =>
  page.waitForFunction(
    (wanted) => document.querySelector('textarea[aria-label="Message"]')?.value === wanted,
    text,
  );

/** Waits until the server has this draft. */
async function waitForDraft(page, text) {
  const id = page.url().split("/").at(-1);
  for (;;) {
    const draft = await (await page.request.get(`/v1/chat/${id}/draft`)).json();
    if (draft.text === text) return;
    await page.waitForTimeout(100);
  }
}

/** Records the texts that the page sends as drafts. */
function watchDrafts(page) {
  const texts = [];
  page.on("request", (request) => {
    if (request.method() === "PUT" && request.url().endsWith("/draft"))
      texts.push(request.postDataJSON().text);
  });
  return texts;
}

const note = (page) => page.getByRole("status").filter({ hasText: "different draft" });

/** Opens a chat on a second device of the same user. */
async function openOnTwoDevices({ page, server, url }, ...more) {
  await page.goto("/");
  await signIn(page, await makeKey(server, "ann"));
  await composer(page).waitFor();
  await startChat(page, "/echo hello");
  await answered(page).waitFor({ timeout: ANSWER_MS });
  const context = await page.context().browser().newContext({
    baseURL: url,
    serviceWorkers: "block",
  });
  const other = await context.newPage();
  await other.goto(page.url());
  await signIn(other, await makeKey(server, "ann", ...more));
  await answered(other).waitFor({ timeout: ANSWER_MS });
  return other;
}

test("a draft moves between devices, and sending it clears it on both", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page } = app;
    const other = await openOnTwoDevices(app);
    const sent = watchDrafts(page);

    await composer(page).pressSequentially("a long thought", { delay: 20 });
    await waitForText(other, "a long thought");
    assert.ok(sent.length <= 3, `requests for 14 key presses: ${sent.length}`);
    await composer(other).press("End");
    await composer(other).pressSequentially(", continued");
    await waitForText(page, "a long thought, continued");
    await page.reload();
    await waitForText(page, "a long thought, continued");
    await composer(page).press("Enter");

    await waitForText(other, "");
    await waitForDraft(page, "");
    assert.equal(await note(page).count(), 0);
    assert.equal(await note(other).count(), 0);
    await thread(other).getByText("a long thought, continued", { exact: true }).waitFor();
  }, options);
});

test("texts written on two devices without a connection are both kept", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page } = app;
    const other = await openOnTwoDevices(app);
    await composer(page).fill("a common beginning");
    await waitForText(other, "a common beginning");

    await other.route("**/v1/**", (route) => route.abort());
    await other.evaluate(() => window.dispatchEvent(new Event("online")));
    await composer(other).fill("written on the train");
    await composer(page).fill("written at the desk");
    await waitForDraft(page, "written at the desk");
    await other.unroute("**/v1/**");
    await other.reload();

    await waitForText(other, "written on the train");
    await note(other).getByText("written at the desk").waitFor();
    await waitForText(page, "written on the train");
    await note(page).getByText("written at the desk").waitFor();
    await other.getByRole("button", { name: "Use that draft" }).click();
    await waitForText(page, "written at the desk");
    assert.ok(await composer(other).evaluate((field) => field === document.activeElement));
  }, options);
});

test("a draft that was sent on another device is not shown again", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page } = app;
    const other = await openOnTwoDevices(app);
    await composer(other).fill("/echo to be sent");
    await waitForText(page, "/echo to be sent");
    await other.close();

    await composer(page).press("Enter");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await composer(page).fill("the next one");
    await waitForDraft(page, "the next one");
    const again = await other.context().newPage();
    await again.goto(page.url());

    await waitForText(again, "the next one");
    await finished(again).nth(1).waitFor({ timeout: ANSWER_MS });
    assert.equal(await note(again).count(), 0);
  }, options);
});

test("drafts stay on the device if the server does not support them", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page } = app;
    for (const status of [404, 405])
      await page.route(DRAFTS, (route) =>
        route.fulfill({ status, json: { code: "not_found", title: "Not found" } }),
      );
    await page.goto("/");
    await signIn(page, await makeKey(app.server, "ann"));
    await composer(page).waitFor();
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    await composer(page).fill("a thought");
    await composer(page).blur();
    await page.reload();

    await waitForText(page, "a thought");
    assert.equal(await page.getByRole("alert").filter({ visible: true }).count(), 0);
    await send(page, "/echo again");
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
    await waitForText(page, "");
  }, options);
});

test("a read-only key neither changes nor receives drafts", TIMEOUT, async () => {
  await withTestApp(async (app) => {
    const { page } = app;
    const viewer = await openOnTwoDevices(app, "--role", "viewer");
    const sent = watchDrafts(viewer);

    await composer(page).fill("a thought");
    await waitForDraft(page, "a thought");
    await viewer.reload();
    await answered(viewer).waitFor({ timeout: ANSWER_MS });

    assert.equal(await viewer.getByText("a thought").count(), 0);
    assert.deepEqual(sent, []);
  }, options);
});

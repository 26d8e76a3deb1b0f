import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, live, startChat } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

/** Returns the letters and digits of the finished answers on the page, excluding labels. */
async function answers(page) {
  const bubbles = await page.locator("[data-answer]").evaluateAll((elements) =>
    elements.map((element) => {
      const copy = element.cloneNode(true);
      for (const extra of copy.querySelectorAll(".sr-only, [data-code-header]")) extra.remove();
      return copy.textContent;
    }),
  );
  return bubbles.map(letters);
}

/** Fetches the finished answers from the api. */
async function storedAnswers(page) {
  const id = page.url().split("/").at(-1);
  const response = await page.request.get(`/v1/chat/${id}`);
  const { messages } = await response.json();
  return messages.filter((message) => message.role === "assistant").map(({ content }) => content);
}

/**
 * Removes everything except letters and digits, because the page does not contain Markdown syntax
 * or blank lines.
 */
const letters = (text) => (text ?? "").replace(/[^\p{L}\p{N}]+/gu, "");

async function assertWholeAnswerOnce(page) {
  await answered(page).waitFor({ timeout: ANSWER_MS });
  await page.locator("[data-answer]").first().waitFor();
  const shown = await answers(page);
  const stored = await storedAnswers(page);
  assert.equal(shown.length, 1, "answers on the page");
  assert.equal(stored.length, 1, "answers in the api");
  const [text] = stored;
  assert.equal(
    shown[0],
    letters(text.replace(/^```.*$/gm, "")),
    "the answer on the page is complete",
  );
  assert.equal(await live(page).count(), 0, "live texts after the end");
}

test("the first message of a new chat gets a streamed answer", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 8");

    await page.getByRole("log").getByText("/slow 8", { exact: true }).waitFor();
    await live(page).waitFor({ timeout: ANSWER_MS });
    const early = (await live(page).textContent())?.length ?? 0;
    await page.waitForFunction(
      (length) => (document.querySelector("[data-live]")?.textContent?.length ?? 0) > length,
      early,
    );

    await assertWholeAnswerOnce(page);
    const { pathname } = new URL(page.url());
    const rows = page.getByRole("navigation").locator(`a[href="${pathname}"]`);
    assert.equal(await rows.count(), 1, "rows of the chat in the list");
  });
});

test("a reload during an answer neither loses nor duplicates text", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 10");
    await live(page).waitFor({ timeout: ANSWER_MS });
    const before = letters(await live(page).textContent());

    await page.reload();

    await live(page).waitFor({ timeout: ANSWER_MS });
    const after = letters(await live(page).textContent());
    assert.ok(after.startsWith(before), "the live text continues after the reload");
    await assertWholeAnswerOnce(page);
  });
});

test("an answer continues after the api was killed and restarted", TIMEOUT, async () => {
  await withTestApp(async ({ page, server }) => {
    await startChat(page, "/slow 10");
    await live(page).waitFor({ timeout: ANSWER_MS });
    const before = letters(await live(page).textContent());

    await server.killApi();
    const note = page.getByText("Reconnecting…").filter({ visible: true });
    await note.first().waitFor();
    assert.equal(await note.count(), 1, "visible notes about the connection");
    await server.startApi();

    await note.first().waitFor({ state: "detached", timeout: ANSWER_MS });
    await assertWholeAnswerOnce(page);
    assert.ok(
      (await answers(page))[0]?.startsWith(before),
      "the answer starts with the text before the restart",
    );
  });
});

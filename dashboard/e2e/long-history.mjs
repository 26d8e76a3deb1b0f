/** A chat with thousands of earlier turns, which the tests add to the api's responses. */
import { makeTurn } from "../src/test-objects.js";
import { thread } from "./chat.mjs";

export const TURNS = 5000;

/**
 * Adds earlier turns to the open chat, by default `TURNS`. Older pages are delayed until `gate` resolves. The
 * fields in `session` replace those of the session.
 */
export async function withHistory(
  page,
  { gate = async () => {}, session = {}, turns: count = TURNS } = {},
) {
  const id = page.url().split("/").at(-1);
  const turns = Array.from({ length: count }, (_, index) => {
    const at = new Date(Date.UTC(2026, 0, 1) + index * 60_000).toISOString();
    return makeTurn(index + 1, { chat_session_id: id, at });
  });
  await page.route(`**/v1/chat/${id}?*`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    const later = body.messages.map((message) => ({
      ...message,
      turn: message.turn + count,
      seq: message.seq + 2 * count,
    }));
    const messages = [...turns.slice(-50).flat(), ...later];
    const json = { ...body, session: { ...body.session, ...session }, messages, has_more: true };
    await route.fulfill({ response, json });
  });
  await page.route(`**/v1/chat/${id}/messages?*`, async (route) => {
    const query = new URL(route.request().url()).searchParams;
    const limit = Number(query.get("limit"));
    await gate();
    if (query.has("after_turn")) {
      const after = Number(query.get("after_turn"));
      const items = turns.slice(after, after + limit).flat();
      await route.fulfill({ json: { items, has_more: true } });
      return;
    }
    const before = Number(query.get("before_turn"));
    const first = Math.max(0, before - 1 - limit);
    const items = turns.slice(first, before - 1).flat();
    await route.fulfill({ json: { items, has_more: first > 0 } });
  });
  await page.goto(page.url());
  await thread(page).getByText("Question").last().waitFor();
  // Answers change their height once the Markdown renderer is loaded.
  await thread(page).locator(".markdown").first().waitFor();
}

/** Waits until the thread is scrolled to its end. */
export const waitForEnd = (page) =>
  page.waitForFunction(() => {
    const log = document.querySelector('[role="log"]');
    return log && log.scrollHeight - log.scrollTop - log.clientHeight <= 2;
  });

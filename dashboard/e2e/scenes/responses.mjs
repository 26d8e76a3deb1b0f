/** Modifies the api's responses to produce states that are otherwise hard to reach. */
import { manyAgents } from "./agents.mjs";

const HOUR_MS = 3_600_000;
/** The ages of the chats in the list, in hours. */
const AGES_H = [0.2, 0.6, 2.5, 4, 26, 29, 50, 75, 120, 400, 420, 1200];

const earlier = (time, hours) => new Date(Date.parse(time) - hours * HOUR_MS).toISOString();

/**
 * Returns the same local time `days` days earlier. Subtracting multiples of 24 hours could change
 * the time of day.
 */
function daysBefore(time, days) {
  const date = new Date(time);
  date.setDate(date.getDate() - days);
  return date.toISOString();
}

/**
 * Spreads the chats in the list over several weeks, and the turns of a thread over several days.
 */
export async function backdate(page) {
  await page.route("**/v1/chat?**", async (route) => {
    const response = await route.fetch();
    const list = await response.json();
    for (const [index, one] of list.items.entries())
      one.last_activity_at = earlier(one.last_activity_at, AGES_H[index % AGES_H.length]);
    await route.fulfill({ response, json: list });
  });
  await page.route(/\/v1\/chat\/[0-9a-f-]{36}(\?|$)/, async (route) => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch();
    const thread = await response.json();
    const last = thread.messages?.at(-1)?.turn ?? 0;
    for (const message of thread.messages ?? [])
      message.created_at = daysBefore(message.created_at, last - message.turn);
    await route.fulfill({ response, json: thread });
  });
}

/**
 * Replaces the output of every tool call with the output of a test run, which has colors and
 * redrawn lines.
 */
export async function colorSteps(page) {
  const esc = "\u001b";
  const output = `running 3 tests\r\n${esc}[32mok${esc}[0m reads\r\n${esc}[1;31mFAILED${esc}[0m writes\r\n 1/3\r 2/3\r 3/3\r\n${esc}[33m2 failed${esc}[0m`;
  await page.route(/\/v1\/chat\/[0-9a-f-]{36}\/tasks\/[0-9a-f-]{36}$/, async (route) => {
    const response = await route.fetch();
    const task = await response.json();
    for (const step of task.steps ?? [])
      if (step.kind === "tool") {
        step.title = `${esc}[1m${step.title}${esc}[0m`;
        step.detail = { ...step.detail, output };
      }
    await route.fulfill({ response, json: task });
  });
}

/** Modifies the responses that contain a chat with its newest messages. */
async function changeThread(page, change) {
  await page.route(/\/v1\/chat\/[0-9a-f-]{36}(\?|$)/, async (route) => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch();
    const thread = await response.json();
    if (thread.messages) change(thread);
    await route.fulfill({ response, json: thread });
  });
}

/** Makes the newest turn wait for hours because of a rate limit. */
export async function limitRate(page) {
  await page.route("**/v1/agents", (route) => route.fulfill({ json: { items: manyAgents } }));
  await changeThread(page, ({ messages, session }) => {
    const asked = messages.findLast(({ role }) => role === "user");
    asked.task = {
      ...asked.task,
      status: "queued",
      error: {
        code: "agent_rate_limited",
        message: "You have reached your usage limit. It resets at 3 PM.",
        retryable: true,
      },
      next_attempt_at: new Date(Date.now() + 2 * HOUR_MS).toISOString(),
      finished_at: null,
    };
    session.active_task = asked.task;
    messages.splice(messages.indexOf(asked) + 1);
  });
}

/** Replaces every answer with an empty one that reached the token limit. */
export async function endAtLimit(page) {
  await changeThread(page, ({ messages }) => {
    for (const message of messages)
      if (message.role === "assistant")
        Object.assign(message, { content: "", finish_reason: "length" });
  });
}

const change = (path, status, patch, over = {}) => ({
  path,
  old_path: null,
  status,
  additions: (patch ?? "").split("\n").filter((line) => line.startsWith("+")).length,
  deletions: (patch ?? "").split("\n").filter((line) => line.startsWith("-")).length,
  binary: false,
  patch,
  truncated: false,
  ...over,
});

/** Adds changed files to the newest turn of a thread. */
export async function addChanges(page) {
  const files = [
    change(
      "src/settings.ts",
      "modified",
      "@@ -1,4 +1,5 @@\n import { load } from './load';\n \n-export const limit = load('limit');\n+/** The number of rows. */\n+export const limit = load('limit', 10);\n export const name = load('name');\n",
    ),
    change(
      "docs/settings.md",
      "added",
      "@@ -0,0 +1,2 @@\n+# Settings\n+The limit is 10 by default.\n",
    ),
    change("docs/limits.md", "renamed", null, { old_path: "docs/rows.md" }),
    change("docs/table.png", "modified", null, { binary: true }),
    change("package-lock.json", "modified", null, { additions: 9120, truncated: true }),
  ];
  await page.route(/\/v1\/chat\/[0-9a-f-]{36}\/changes/, (route) =>
    route.fulfill({ json: { files } }),
  );
  await page.route(/\/v1\/chat\/[0-9a-f-]{36}(\?|$)/, async (route) => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch();
    const thread = await response.json();
    const task = thread.messages?.findLast((message) => message.task)?.task;
    if (task) task.changes = { files: files.length, additions: 9124, deletions: 1 };
    await route.fulfill({ response, json: thread });
  });
}

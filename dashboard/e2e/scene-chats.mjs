/** Agents and chats for the scenes. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { makeAgent } from "../src/test-objects.js";
import { binaries } from "./stage.mjs";

const ESC = "\\033";

/** Terminal output for `printf`: all kinds of colors, a redrawn progress line, columns, and a link. */
export const BUILD_OUTPUT = [
  `${ESC}[1mBuilding${ESC}[0m 3 packages`,
  `  10%%\\r  55%%\\r${ESC}[K${ESC}[32m 100%%${ESC}[0m  ${ESC}[2m12.4 s${ESC}[0m`,
  "",
  ...["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"].map(
    (name, index) =>
      `${ESC}[3${index}m${name.padEnd(8)}${ESC}[0m ${ESC}[9${index}mbright${ESC}[0m ` +
      `${ESC}[1;3${index}mbold${ESC}[0m ${ESC}[2;3${index}mdim${ESC}[0m ` +
      `${ESC}[4${index}mback${ESC}[0m ${ESC}[7;3${index}minverse${ESC}[0m`,
  ),
  `${ESC}[38;5;208m256 colors${ESC}[0m ${ESC}[38;5;226myellow${ESC}[0m ${ESC}[38;5;17mnavy${ESC}[0m ${ESC}[48;5;52mback${ESC}[0m`,
  `${ESC}[38;2;255;105;180mtrue color${ESC}[0m ${ESC}[48;2;10;10;80;38;2;255;255;255mon blue${ESC}[0m ${ESC}[7mplain inverse${ESC}[0m`,
  `${ESC}[4munderlined${ESC}[0m ${ESC}[3mitalic${ESC}[0m ${ESC}[9mstruck${ESC}[0m ${ESC}[2mdim${ESC}[0m`,
  `See ${ESC}]8;;https://example.com${ESC}\\\\the report${ESC}]8;;${ESC}\\\\.`,
  "",
  `warning: *not* _Markdown_ # at all, and a line that is longer than the bubble is wide, so that it wraps`,
  "name        size",
  "alpha         12",
  "beta         340",
].join("\\n");

/** Returns an environment with several agents: slow, impatient, printing terminal output, and unavailable. */
export function withAgents(folder) {
  const file = `${folder}/agents.toml`;
  writeFileSync(
    file,
    `[[agents]]
key = "demo"
name = "Demo"

[[agents]]
key = "hasty"
name = "Hasty"
description = "The demo agent with a permission timeout of one second."
driver = "acp"
avatar = "#0f766e"
command = "${binaries}/worker"
args = ["demo-agent"]
permission = "ask"
permission_timeout_s = 1
starters = ["/tool"]

[[agents]]
key = "deep"
name = "Deep thought"
description = "Thinks for an hour before the first word."
driver = "command"
avatar = "🐢"
command = "sleep"
args = ["3600"]
input = "message"

[[agents]]
key = "build"
name = "Build"
description = "Runs the build and prints its output."
driver = "command"
avatar = "🛠️"
command = "printf"
args = [${JSON.stringify(BUILD_OUTPUT)}]

[[agents]]
key = "local"
name = "Local model"
description = "Runs on this machine; nothing leaves it."
driver = "openai"
avatar = "🏠"
base_url = "http://127.0.0.1:9/v1"
api_key_env = "LOCAL_MODEL_KEY"
`,
  );
  return { AGENTS_FILE: file };
}

const LONG_TITLE =
  "A title of the maximum length, because someone has pasted the whole question into the field and " +
  "then added everything they had already tried, until there was no space left for one more word at all";

/** Text that is hard to lay out: long words, right-to-left text, emoji, wide code, and a wide table. */
const HARD_TEXT = `A path: /srv/${"very-long-folder-name/".repeat(9)}file.txt and a hash: ${"4f46e5".repeat(24)}

مرحبا! هذه رسالة تُكتب من اليمين إلى اليسار، وفيها كلمة \`code\` ورقم 42.

שלום, גם זו שורה מימין לשמאל.

Emoji: 👩‍🚀 🎭 🇪🇺 👍🏽 ❤️

\`\`\`sh
curl --silent --show-error --header "Accept: application/json" "https://example.com/${"path/".repeat(20)}"
\`\`\`

| Name | ${Array.from({ length: 9 }, (_, index) => `Column ${index + 1}`).join(" | ")} |
|---|${"---:|".repeat(9)}
| a row | ${Array.from({ length: 9 }, (_, index) => 10 ** index).join(" | ")} |`;

/** Creates the chats for the scenes. Returns their paths by name. */
export async function fillWithChats(page) {
  const api = page.request;
  async function send(id, content, wait = 30) {
    const sent = await api.post(`/v1/chat/${id}/messages?wait=${wait}`, { data: { content } });
    assert.ok(sent.ok(), await sent.text());
    return sent.json();
  }
  /** Sends a message and decides the permission request that follows. */
  async function decide(id, decision, content = "/tool") {
    const sent = send(id, content);
    for (;;) {
      const { session } = await (await api.get(`/v1/chat/${id}`)).json();
      const task = session.active_task?.id;
      const steps = task
        ? (await (await api.get(`/v1/chat/${id}/tasks/${task}`)).json()).steps
        : [];
      const request = steps.find(
        ({ kind, status }) => kind === "permission" && status === "pending",
      );
      if (!request) continue;
      const path = `/v1/chat/${id}/tasks/${task}/permissions/${request.detail.request_id}`;
      assert.equal((await api.post(path, { data: { decision } })).status(), 204);
      break;
    }
    await sent;
  }
  async function make(title, messages, agent_key = "demo") {
    const session = await (await api.post("/v1/chat", { data: { agent_key } })).json();
    for (const content of messages) await send(session.id, content);
    await api.patch(`/v1/chat/${session.id}`, { data: { title } });
    return `/chat/${session.id}`;
  }
  const id = (path) => path.split("/").at(-1);

  const chats = {
    failed: await make("Why is the cold start slow?", ["/fail late", "/fail"]),
    archived: await make("Old ideas", ["/echo The third one was the best."]),
    hard: await make("Layout edge cases", [`/echo ${HARD_TEXT}`]),
    long: await make(LONG_TITLE, ["/long"]),
    expired: await make("Count the words", ["/tool"], "hasty"),
    unread: await make("Release notes 2.4", [
      "/echo Here is the draft, grouped by user-visible changes.",
    ]),
    steps: await make("Plan the move", ["/plan", "/think"]),
    names: await make("Names for the new service", ["/echo Here are eleven ideas."]),
    markdown: await make("How do I read a file?", ["Hello! Who are you?", "/markdown"]),
    interrupted: await make("Sort the photos", []),
    waiting: await make("The answer to everything", [], "deep"),
    terminal: await make("Build the site", ["Build it"], "build"),
    empty: await make("", []),
  };
  await decide(id(chats.steps), "allow");
  await decide(id(chats.steps), "reject");
  await decide(id(chats.interrupted), "allow", "/crash tool");
  const many = await make("Fifty unread answers", []);
  const turns = Array.from({ length: 50 }, (_, index) => `/echo Answer ${index + 1} of 50`);
  for (const content of turns.slice(0, -1)) await send(id(many), content, 0);
  await send(id(many), turns.at(-1), 60);
  const news = await make("Home renovation", ["/echo The roof is done.", "/long"]);
  await api.post(`/v1/chat/${id(news)}/read`, { data: { seq: 2 } });
  await api.patch(`/v1/chat/${id(chats.archived)}`, { data: { status: "archived" } });
  for (const [name, path] of Object.entries(chats))
    if (name !== "unread") await api.post(`/v1/chat/${id(path)}/read`, { data: { seq: 100 } });
  await api.patch(`/v1/chat/${id(chats.markdown)}`, { data: { pinned: true } });
  return { ...chats, many, news };
}

const HOUR_MS = 3_600_000;
/** The ages of the chats in the list, in hours. */
const AGES_H = [0.2, 0.6, 2.5, 4, 26, 29, 50, 75, 120, 400, 420, 1200];

const earlier = (time, hours) => new Date(Date.parse(time) - hours * HOUR_MS).toISOString();

/** Returns the same local time some days before. Subtracting 24 hours can change the time of day. */
function daysBefore(time, days) {
  const date = new Date(time);
  date.setDate(date.getDate() - days);
  return date.toISOString();
}

/** Spreads the chats of the list over weeks and the turns of a thread over days. */
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

/** Replaces the output of every tool call by a test run with colors and redrawn lines. */
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

/** Changes the responses for a chat and its messages. */
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

/** Replaces every answer by an empty one that ended at the token limit. */
export async function endAtLimit(page) {
  await changeThread(page, ({ messages }) => {
    for (const message of messages)
      if (message.role === "assistant")
        Object.assign(message, { content: "", finish_reason: "length" });
  });
}

const agent = (key, name, description, more = {}) =>
  makeAgent({ key, name, description, driver: "acp", ...more });

/** Many agents, some of them unavailable. */
export const manyAgents = [
  agent(
    "demo",
    "Demo",
    "A demo, not an AI: small talk from fixed rules. Needs no key and no network.",
    {
      avatar: "🎭",
      starters: ["Hello! Who are you?", "/markdown", "/slow 10"],
    },
  ),
  agent("claude", "Claude", "Works in a folder of its own and asks before it runs a command."),
  agent("codex", "Codex", ""),
  agent("local", "Local model", "Runs on this machine; nothing leaves it.", { avatar: "🏠" }),
  agent("llama", "Llama 3.2", "Small and quick.", { avatar: "🦙" }),
  agent("gpt", "GPT", "Hosted by OpenAI.", {
    avatar: "#10a37f",
    available: false,
    reason: "The environment variable OPENAI_API_KEY is not set. It must contain the API key.",
  }),
  agent("gemini", "Gemini", "Has a large context window.", {
    available: false,
    reason: "The program gemini was not found.",
  }),
  agent(
    "wordy",
    "An agent with a name that is far too long to fit on the card of an agent",
    "It does everything, and its description is just as long: it reads, writes, searches, plans, runs, and compares, and it then reports everything in more words than anyone will ever read.",
  ),
  agent("shout", "Shout", "REPEATS WHAT YOU SAY."),
];

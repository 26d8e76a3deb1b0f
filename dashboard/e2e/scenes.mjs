/** Every view and state of the page, for the checks that look at all of them. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { ANSWER_MS, answered, choose, composer, live, thread } from "./chat.mjs";
import { binaries } from "./stage.mjs";

/** The demo, an agent that is not available, and one that waits for a permission a second only. */
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
description = "The demo again, which waits for your permission no longer than a second."
driver = "acp"
avatar = "#0f766e"
command = "${binaries}/worker"
args = ["demo-agent"]
permission = "ask"
permission_timeout_s = 1
starters = ["/tool"]

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
  "A title as long as a title may be, because somebody has pasted the whole question into it and " +
  "has gone on to explain what they have tried already, which was not little, until no room was left at all";

/** What is hard to lay out: long words, right-to-left text, emoji, wide code and a wide table. */
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

/** Makes the chats that the scenes show; their paths by name. */
export async function fillWithChats(page) {
  const api = page.request;
  async function send(id, content, wait = 30) {
    const sent = await api.post(`/v1/chat/${id}/messages?wait=${wait}`, { data: { content } });
    assert.ok(sent.ok(), await sent.text());
    return sent.json();
  }
  /** Answers the agent's question as soon as it is there. */
  async function decide(id, decision) {
    const sent = send(id, "/tool");
    for (;;) {
      const { session } = await (await api.get(`/v1/chat/${id}`)).json();
      const task = session.active_task?.id;
      const steps = task
        ? (await (await api.get(`/v1/chat/${id}/tasks/${task}`)).json()).steps
        : [];
      const asked = steps.find(({ kind, status }) => kind === "permission" && status === "pending");
      if (!asked) continue;
      const path = `/v1/chat/${id}/tasks/${task}/permissions/${asked.detail.request_id}`;
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
    hard: await make("Everything that is hard to lay out", [`/echo ${HARD_TEXT}`]),
    long: await make(LONG_TITLE, ["/long"]),
    expired: await make("Count the words", ["/tool"], "hasty"),
    unread: await make("Release notes 2.4", [
      "/echo Here is the draft, grouped by what changed for the people who use it.",
    ]),
    steps: await make("Plan the move", ["/plan", "/think"]),
    names: await make("Names for the new service", ["/echo Eleven ideas; the last one is mine."]),
    markdown: await make("How do I read a file?", ["Hello! Who are you?", "/markdown"]),
    empty: await make("", []),
  };
  await decide(id(chats.steps), "allow");
  await decide(id(chats.steps), "reject");
  const many = await make("Fifty answers that nobody has read", []);
  const turns = Array.from({ length: 50 }, (_, index) => `/echo Answer ${index + 1} of 50`);
  for (const content of turns.slice(0, -1)) await send(id(many), content, 0);
  await send(id(many), turns.at(-1), 60);
  await api.patch(`/v1/chat/${id(chats.archived)}`, { data: { status: "archived" } });
  for (const [name, path] of Object.entries(chats))
    if (name !== "unread") await api.post(`/v1/chat/${id(path)}/read`, { data: { seq: 100 } });
  await api.patch(`/v1/chat/${id(chats.markdown)}`, { data: { pinned: true } });
  return { ...chats, many };
}

async function open(page, path) {
  await page.goto(path);
  await thread(page).waitFor();
}

/** By the button: on a phone Enter breaks the line. */
async function write(page, text) {
  await composer(page).fill(text);
  await page.getByRole("button", { name: /^(Send|Queue message)$/ }).click();
}

/** Opens every folded line of the thread. */
async function unfold(page) {
  const lines = thread(page).locator("summary");
  await lines.first().waitFor();
  await lines.first().evaluate((first) => {
    for (const one of first.closest('[role="log"]').querySelectorAll("details")) one.open = true;
  });
}

const isPhone = (page) => (page.viewportSize()?.width ?? 0) < 768;
const refused = { status: 401, json: { code: "unauthorized", title: "Unauthorized" } };

/** Name → how to get there. Each begins on a page of its own, with the chats already made. */
export const scenes = {
  home: async (page) => {
    await page.goto("/");
    await page.getByRole("navigation").getByText("Release notes 2.4").waitFor();
    await page.getByRole("navigation").getByText("Failed: ").waitFor();
  },
  new: async (page) => {
    await page.goto("/new");
    await page.getByRole("radio").first().waitFor({ state: "attached" });
  },
  empty: async (page, chats) => {
    await open(page, chats.empty);
    await thread(page).getByText("Say hello to Demo").waitFor();
  },
  thread: async (page, chats) => {
    await open(page, chats.markdown);
    await page.locator("[data-code-header]").first().waitFor();
  },
  hard: async (page, chats) => {
    await open(page, chats.hard);
    await page.locator("[data-code-header]").first().waitFor();
  },
  long: async (page, chats) => {
    await open(page, chats.long);
    await thread(page).getByText("The end.").waitFor();
    await thread(page).evaluate((log) => log.scrollTo({ top: 700 }));
    await page.getByRole("button", { name: "Jump to the latest" }).waitFor();
  },
  many: async (page, chats) => {
    await page.goto(isPhone(page) ? "/" : chats.unread);
    await page.getByRole("navigation").getByText("50 unread messages").waitFor();
  },
  failed: async (page, chats) => {
    await open(page, chats.failed);
    await thread(page).getByRole("button", { name: "Retry" }).last().waitFor();
  },
  steps: async (page, chats) => {
    await open(page, chats.steps);
    await thread(page).getByText("2 steps").last().waitFor();
  },
  "steps open": async (page, chats) => {
    await open(page, chats.steps);
    await thread(page).getByText("2 steps").last().waitFor();
    await unfold(page);
  },
  expired: async (page, chats) => {
    await open(page, chats.expired);
    await thread(page).getByText("not answered in time").waitFor();
    await unfold(page);
  },
  asking: async (page, chats) => {
    await open(page, chats.names);
    await write(page, "/tool");
    await page.getByRole("group", { name: "Permission request" }).waitFor({ timeout: ANSWER_MS });
    await thread(page).getByText("Waiting for you").waitFor();
  },
  busy: async (page, chats) => {
    await open(page, chats.names);
    await write(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await write(page, "Then choose one and say why.");
    await thread(page).getByText("Queued #1").waitFor();
    await write(page, "And open an issue for it.");
    await thread(page).getByText("Queued #2").waitFor();
    await composer(page).fill("And one more thing");
    await page.getByRole("button", { name: "Edit" }).last().click();
    await page.getByRole("textbox", { name: "Edit the queued message" }).waitFor();
  },
  stopped: async (page, chats) => {
    await open(page, chats.names);
    await thread(page).getByText("Stopped").first().waitFor();
  },
  archive: async (page) => {
    await page.goto("/");
    await page.getByRole("navigation").getByText("Release notes 2.4").waitFor();
    await page.getByRole("button", { name: "Show archived chats" }).click();
    await page.getByRole("navigation").getByText("Old ideas").waitFor();
  },
  archived: async (page, chats) => {
    await open(page, chats.archived);
    await page.getByText("This chat is archived.").waitFor();
  },
  "no match": async (page) => {
    await page.goto("/");
    await page.getByRole("searchbox").fill("nothing like it");
    await page.getByText("Nothing matches").waitFor();
  },
  menu: async (page, chats) => {
    await open(page, chats.unread);
    await page.locator("main header").getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Archive" }).waitFor();
  },
  rename: async (page, chats) => {
    await open(page, chats.unread);
    await choose(page, /^Rename/);
    await page.getByRole("textbox", { name: "Title" }).waitFor();
  },
  delete: async (page, chats) => {
    await open(page, chats.long);
    await choose(page, /^Delete/);
    await page.getByRole("dialog").waitFor();
  },
  palette: async (page, chats) => {
    await open(page, chats.markdown);
    await page.keyboard.press("Control+KeyK");
    await page.getByRole("option").first().waitFor();
  },
  settings: async (page, chats) => {
    const me = { user_id: "ann", workspace_id: "default", role: "member" };
    await page.route("**/v1/auth/me", (route) => route.fulfill({ json: me }));
    await page.goto(isPhone(page) ? "/" : chats.markdown);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByText("Signed in as ann").waitFor();
  },
  "sign out": async (page, chats) => {
    await scenes.settings(page, chats);
    await page.keyboard.press("Escape");
    await page.goto(chats.markdown);
    await composer(page).fill("half a thought");
    await page.goto("/");
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign out, keep it" }).waitFor();
  },
  help: async (page, chats) => {
    await open(page, chats.markdown);
    await page.keyboard.press("Control+Slash");
    await page.getByRole("dialog").waitFor();
  },
  gone: async (page) => {
    await page.goto("/chat/00000000-0000-7000-8000-000000000000");
    await page.getByText("This chat does not exist").waitFor();
  },
  loading: async (page, chats) => {
    await page.route("**/v1/chat/**", () => {});
    await page.route("**/v1/chat?**", () => {});
    await page.goto(chats.markdown);
    await page.locator("main .animate-shimmer").first().waitFor();
  },
  error: async (page, chats) => {
    await page.route("**/v1/chat/**", (route) => route.abort());
    await page.route("**/v1/chat?**", (route) => route.abort());
    await page.goto(chats.markdown);
    await page.getByText("The chat could not be loaded").waitFor();
  },
  "server away": async (page) => {
    await page.route("**/v1/**", (route) => route.abort());
    await page.goto("/new");
    await page.getByText("The server cannot be reached").waitFor();
  },
  offline: async (page, chats) => {
    // A stream that opens a moment later would say that the network is there.
    const stream = page.waitForResponse(/\/v1\/events/);
    await open(page, chats.unread);
    await stream;
    await page.waitForTimeout(300);
    await page.context().setOffline(true);
    await write(page, "Written without a network");
    await thread(page).getByText("Not sent yet, trying again").waitFor();
    await page.getByText("You are offline").filter({ visible: true }).first().waitFor();
  },
  "sign in": async (page) => {
    await page.route("**/v1/**", (route) => route.fulfill(refused));
    await page.goto("/");
    await page.getByLabel("API key").waitFor();
  },
  "wrong key": async (page) => {
    await scenes["sign in"](page);
    await page.getByLabel("API key").fill("bnt_nonsense");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This key does not work").waitFor();
  },
};

/** What has to be undone before the next scene. */
export async function leave(page) {
  await page.context().setOffline(false);
  const cancel = page.getByRole("button", { name: "Cancel" });
  if (await cancel.isVisible()) await cancel.click();
  const remove = thread(page).getByRole("button", { name: "Remove" });
  while ((await remove.count()) > 0) {
    const left = await remove.count();
    await remove.last().click();
    await page.waitForFunction(
      (most) =>
        [...document.querySelectorAll('[role="log"] button')].filter(
          (one) => one.textContent === "Remove",
        ).length < most,
      left,
    );
  }
  const stop = page.getByRole("button", { name: "Stop" });
  if (await stop.isVisible()) {
    await stop.click();
    await answered(page).or(thread(page).getByText("Stopped").first()).first().waitFor();
  }
}

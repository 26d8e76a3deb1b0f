/** Every view and state of the page, for the checks that look at all of them. */
import { writeFileSync } from "node:fs";
import { ANSWER_MS, answered, choose, composer, live, thread } from "./chat.mjs";

/** The demo, and an agent that is not available. */
export function withTwoAgents(folder) {
  const file = `${folder}/agents.toml`;
  writeFileSync(
    file,
    `[[agents]]
key = "demo"
name = "Demo"

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

/** Makes the chats that the scenes show; their paths by name. */
export async function fillWithChats(page) {
  const api = page.request;
  async function make(title, messages, wait = 30) {
    const session = await (await api.post("/v1/chat", { data: { agent_key: "demo" } })).json();
    for (const content of messages)
      await api.post(`/v1/chat/${session.id}/messages?wait=${wait}`, { data: { content } });
    await api.patch(`/v1/chat/${session.id}`, { data: { title } });
    return `/chat/${session.id}`;
  }
  const id = (path) => path.split("/").at(-1);
  const chats = {
    failed: await make("Why is the cold start slow?", ["/fail"]),
    archived: await make("Old ideas", ["/echo The third one was the best."]),
    unread: await make("Release notes 2.4", [
      "/echo Here is the draft, grouped by what changed for the people who use it.",
    ]),
    names: await make("Names for the new service", ["/echo Eleven ideas; the last one is mine."]),
    markdown: await make("How do I read a file?", ["Hello! Who are you?", "/markdown"]),
  };
  await api.patch(`/v1/chat/${id(chats.archived)}`, { data: { status: "archived" } });
  for (const path of [chats.failed, chats.names, chats.markdown])
    await api.post(`/v1/chat/${id(path)}/read`, { data: { seq: 100 } });
  await api.patch(`/v1/chat/${id(chats.markdown)}`, { data: { pinned: true } });
  return chats;
}

async function open(page, path) {
  await page.goto(path);
  await thread(page).waitFor();
}

const isPhone = (page) => (page.viewportSize()?.width ?? 0) < 768;

/** Name → how to get there. Each begins on a page of its own, with the chats already made. */
export const scenes = {
  home: async (page) => {
    await page.goto("/");
    await page.getByRole("navigation").getByText("Release notes 2.4").waitFor();
  },
  new: async (page) => {
    await page.goto("/new");
    await page.getByRole("radio").first().waitFor({ state: "attached" });
  },
  thread: async (page, chats) => {
    await open(page, chats.markdown);
    await page.locator("[data-code-header]").first().waitFor();
  },
  failed: async (page, chats) => {
    await open(page, chats.failed);
    await thread(page).getByRole("button", { name: "Retry" }).waitFor();
  },
  busy: async (page, chats) => {
    await open(page, chats.names);
    await composer(page).fill("/slow 30");
    await composer(page).press("Enter");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await composer(page).fill("Then choose one and say why.");
    await composer(page).press("Enter");
    await thread(page).getByText("Queued #1").waitFor();
    await composer(page).fill("And one more thing");
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
    await open(page, chats.unread);
    await choose(page, /^Delete/);
    await page.getByRole("dialog").waitFor();
  },
  palette: async (page, chats) => {
    await open(page, chats.markdown);
    await page.keyboard.press("Control+KeyK");
    await page.getByRole("option").first().waitFor();
  },
  settings: async (page, chats) => {
    await page.goto(isPhone(page) ? "/" : chats.markdown);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("dialog").waitFor();
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
    await page.goto(chats.markdown);
    await page.locator("main .animate-shimmer").first().waitFor();
  },
  offline: async (page, chats) => {
    // A stream that opens a moment later would say that the network is there.
    const stream = page.waitForResponse(/\/v1\/events/);
    await open(page, chats.unread);
    await stream;
    await page.waitForTimeout(300);
    await page.context().setOffline(true);
    await composer(page).fill("Written without a network");
    await composer(page).press("Enter");
    await thread(page).getByText("Not sent yet, trying again").waitFor();
    await page.getByText("You are offline").filter({ visible: true }).first().waitFor();
  },
  key: async (page) => {
    const problem = { status: 401, json: { code: "unauthorized", title: "Unauthorized" } };
    await page.route("**/v1/**", (route) => route.fulfill(problem));
    await page.goto("/");
    await page.getByText("This server asks for a key").waitFor();
  },
};

/** What has to be undone before the next scene. */
export async function leave(page) {
  await page.context().setOffline(false);
  const stop = page.getByRole("button", { name: "Stop" });
  if (await stop.isVisible()) {
    await stop.click();
    await answered(page).or(thread(page).getByText("Stopped").first()).first().waitFor();
  }
}

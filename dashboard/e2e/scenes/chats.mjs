/** The chats that the scenes use. */
import assert from "node:assert/strict";
import { CODE_ANSWER, PASTED_CODE, RICH_ANSWER } from "./rich-text.mjs";

const LONG_TITLE =
  "A title of the maximum length, because someone has pasted the whole question into the field and " +
  "then added everything they had already tried, until there was no space left for one more word at all";

/**
 * Content that is hard to lay out: long words, right-to-left text, emoji, wide code, and a wide
 * table.
 */
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
export async function createChats(page) {
  const api = page.request;
  async function send(id, content, wait = 30) {
    const sent = await api.post(`/v1/chat/${id}/messages?wait=${wait}`, { data: { content } });
    assert.ok(sent.ok(), await sent.text());
    return sent.json();
  }
  /** Sends a message, and answers the permission request that follows. */
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
    rich: await make("Explain quicksort", [PASTED_CODE, `/echo ${RICH_ANSWER}`]),
    code: await make("Fix the reader", [`/echo ${CODE_ANSWER}`]),
    interrupted: await make("Sort the photos", []),
    waiting: await make("The answer to everything", [], "deep"),
    terminal: await make("Build the site", ["Build it"], "build"),
    coding: await make("Add a default setting", ["finish"], "scripted"),
    asking: await make("Fix the failing test", [], "scripted"),
    files: await make("Pictures for the poster", ["/picture", "/file"]),
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

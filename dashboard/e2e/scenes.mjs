/** All views and states of the page, for screenshots and accessibility checks. */
import { ANSWER_MS, choose, composer, live, retries, thread } from "./chat.mjs";
import { backdate, colorSteps, endAtLimit, limitRate, manyAgents } from "./scene-chats.mjs";

async function open(page, path) {
  await page.goto(path);
  await thread(page).waitFor();
}

/** Sends a message with the button, because Enter inserts a line break on a phone. */
async function write(page, text) {
  await composer(page).fill(text);
  await page.getByRole("button", { name: /^(Send|Queue message)$/ }).click();
}

/** Expands all steps of the thread. */
async function unfold(page) {
  const lines = thread(page).locator("summary");
  await lines.first().waitFor();
  await lines.first().evaluate((first) => {
    for (const one of first.closest('[role="log"]').querySelectorAll("details")) one.open = true;
  });
}

const isPhone = (page) => (page.viewportSize()?.width ?? 0) < 768;
const unauthorized = { status: 401, json: { code: "unauthorized", title: "Unauthorized" } };

/** Functions by scene name that prepare a new page. The chats already exist. */
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
  "new many": async (page) => {
    await page.route("**/v1/agents", (route) => route.fulfill({ json: { items: manyAgents } }));
    await page.goto("/new");
    await page.getByText("REPEATS WHAT YOU SAY.").waitFor();
  },
  "new loading": async (page) => {
    await page.route("**/v1/agents", () => {});
    await page.goto("/new");
    await page.locator("main .animate-shimmer").waitFor();
  },
  weeks: async (page, chats) => {
    await backdate(page);
    await page.goto(isPhone(page) ? "/" : chats.markdown);
    await page.getByRole("navigation").getByText("Yesterday").waitFor();
  },
  days: async (page, chats) => {
    await backdate(page);
    await open(page, chats.steps);
    await thread(page).getByText("Yesterday").waitFor();
  },
  empty: async (page, chats) => {
    await open(page, chats.empty);
    await thread(page).getByText("Send Demo a message").waitFor();
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
    await page.getByRole("button", { name: "Jump to latest" }).waitFor();
  },
  many: async (page, chats) => {
    await page.goto(isPhone(page) ? "/" : chats.unread);
    await page.getByRole("navigation").getByText("50 unread messages").waitFor();
  },
  "new divider": async (page, chats) => {
    await open(page, chats.news);
    await thread(page).getByText("New", { exact: true }).waitFor();
    await thread(page).evaluate((log) => log.scrollTo({ top: 0 }));
    await thread(page).getByText("The roof is done.").last().waitFor();
  },
  "new messages": async (page, chats) => {
    await open(page, chats.news);
    await thread(page).getByText("The end.").waitFor();
    await thread(page).evaluate((log) => log.scrollTo({ top: 700 }));
    await page.getByRole("button", { name: "Jump to latest" }).waitFor();
    const data = { content: "/echo One more thing." };
    await page.request.post(`/v1${chats.news}/messages?wait=30`, { data });
    await page.getByRole("button", { name: "New messages" }).waitFor();
  },
  details: async (page, chats) => {
    await open(page, chats.markdown);
    await page.locator("[data-code-header]").first().waitFor();
    await thread(page).getByRole("button", { name: "Details" }).last().click();
  },
  failed: async (page, chats) => {
    await open(page, chats.failed);
    await retries(page).last().waitFor();
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
    await thread(page).getByText("1 request expired").waitFor();
    await unfold(page);
  },
  terminal: async (page, chats) => {
    await open(page, chats.terminal);
    await thread(page).locator("[data-terminal]").getByText("the report").waitFor();
  },
  "terminal steps": async (page, chats) => {
    await colorSteps(page);
    await open(page, chats.steps);
    await thread(page).getByText("2 steps").last().waitFor();
    await unfold(page);
    await thread(page).getByText("2 failed").last().waitFor();
  },
  interrupted: async (page, chats) => {
    await open(page, chats.interrupted);
    await retries(page).waitFor();
  },
  waiting: async (page, chats) => {
    await open(page, chats.waiting);
    await write(page, "What is the answer to everything?");
    await thread(page).getByText("Starting").waitFor({ timeout: ANSWER_MS });
  },
  "stopped early": async (page, chats) => {
    await open(page, chats.waiting);
    await retries(page).waitFor();
  },
  retrying: async (page, chats) => {
    await open(page, chats.empty);
    await write(page, "/fail retry");
    await thread(page).getByText("Retrying in").waitFor({ timeout: ANSWER_MS });
  },
  "long wait": async (page, chats) => {
    await limitRate(page);
    await open(page, chats.failed);
    await thread(page).getByText("Rate limit reached. Resumes at").waitFor();
  },
  "no tokens left": async (page, chats) => {
    await endAtLimit(page);
    await open(page, chats.names);
    await thread(page).getByText("Token limit reached").last().waitFor();
  },
  "other draft": async (page, chats) => {
    await open(page, chats.unread);
    const other = await page.context().newPage();
    await open(other, chats.unread);
    await composer(page).fill("A paragraph about what changed for administrators");
    await other.waitForFunction(() => document.querySelector("main textarea").value !== "");
    await composer(other).fill("Short");
    await page.getByText("Another tab has a different draft.").waitFor();
    await other.close();
  },
  asking: async (page, chats) => {
    await open(page, chats.names);
    await write(page, "/tool");
    await page.getByRole("group", { name: "Permission request" }).waitFor({ timeout: ANSWER_MS });
    await thread(page).getByText("Waiting for your permission").waitFor();
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
    await page.getByRole("button", { name: "Edit" }).nth(1).click();
    await page.getByRole("textbox", { name: "Edit queued message" }).waitFor();
  },
  stopped: async (page, chats) => {
    await open(page, chats.names);
    await thread(page).getByText("Stopped").first().waitFor();
  },
  writing: async (page, chats) => {
    await open(page, chats.names);
    const lines = Array.from({ length: 12 }, (_, index) => `Line ${index + 1} of what I mean`);
    await composer(page).fill(lines.join("\n"));
  },
  "too long": async (page, chats) => {
    await open(page, chats.names);
    await composer(page).fill("far too much ".repeat(22_000));
    await page.getByText("exceeds 256 KiB").waitFor();
  },
  "not sent": async (page, chats) => {
    const full = { status: 409, json: { code: "queue_full", title: "Conflict", detail: "" } };
    await page.route("**/messages**", (route) =>
      route.request().method() === "POST" ? route.fulfill(full) : route.fallback(),
    );
    await open(page, chats.unread);
    await write(page, "One more message");
    await thread(page).getByRole("button", { name: "Discard" }).waitFor();
  },
  "agent away": async (page, chats) => {
    const items = manyAgents.map((one) => ({
      ...one,
      available: false,
      reason: "The program was not found.",
    }));
    await page.route("**/v1/agents", (route) => route.fulfill({ json: { items } }));
    await open(page, chats.unread);
    await page.getByText("This agent is unavailable").waitFor();
  },
  "first message": async (page) => {
    const busy = { status: 503, json: { code: "store_busy", title: "Busy" } };
    await page.route("**/v1/chat", (route) =>
      route.request().method() === "POST" ? route.fulfill(busy) : route.fallback(),
    );
    await page.goto("/new");
    await page.getByRole("radio").first().waitFor({ state: "attached" });
    await write(page, "What would you read first?");
    await page.getByText("The server is busy.").waitFor();
  },
  "agent gone": async (page, chats) => {
    await page.route("**/v1/agents", (route) => route.fulfill({ json: { items: [] } }));
    await open(page, chats.markdown);
    await page.getByText("This agent is no longer configured.").waitFor();
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
    await page.getByRole("searchbox").fill("nothing matches");
    await page.getByText("No results for").waitFor();
  },
  menu: async (page, chats) => {
    await open(page, chats.unread);
    await page.locator("main header").getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Archive" }).waitFor();
  },
  "row menu": async (page, chats) => {
    await page.goto(isPhone(page) ? "/" : chats.unread);
    const row = page.getByRole("navigation").locator("li", { hasText: "Count the words" });
    await row.hover();
    await row.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Archive" }).waitFor();
  },
  toast: async (page, chats) => {
    await open(page, chats.expired);
    await choose(page, "Archive");
    await page.getByRole("button", { name: "Undo" }).waitFor();
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
  "palette search": async (page, chats) => {
    await scenes.palette(page, chats);
    await page.keyboard.type("the");
    await page.getByRole("option").first().waitFor();
  },
  "palette no match": async (page, chats) => {
    await scenes.palette(page, chats);
    await page.keyboard.type("nothing matches");
    await page.getByText("No results for").waitFor();
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
    await page.getByRole("button", { name: "Keep and sign out" }).waitFor();
  },
  help: async (page, chats) => {
    await open(page, chats.markdown);
    await page.keyboard.press("Control+Slash");
    await page.getByRole("dialog").waitFor();
  },
  gone: async (page) => {
    await page.goto("/chat/00000000-0000-7000-8000-000000000000");
    await page.getByText("Chat not found").waitFor();
  },
  "gone with a draft": async (page, chats) => {
    await open(page, chats.names);
    await composer(page).fill("An unsent draft");
    await page.route("**/v1/chat/**", (route) =>
      route.fulfill({ status: 404, json: { code: "not_found", title: "Not Found" } }),
    );
    await page.reload();
    await page.getByText("An unsent draft").waitFor();
  },
  loading: async (page, chats) => {
    await page.route("**/v1/chat/**", () => {});
    await page.route("**/v1/chat?**", () => {});
    await page.goto(chats.markdown);
    await page.locator("main .animate-shimmer").first().waitFor();
  },
  "loading list": async (page) => {
    await page.route("**/v1/chat?**", () => {});
    await page.goto("/");
    await page.locator("nav .animate-shimmer").first().waitFor({ state: "attached" });
  },
  error: async (page, chats) => {
    await page.route("**/v1/chat/**", (route) => route.abort());
    await page.route("**/v1/chat?**", (route) => route.abort());
    await page.goto(chats.markdown);
    await page.getByText("Couldn’t load this chat").waitFor();
  },
  "server away": async (page) => {
    await page.route("**/v1/**", (route) => route.abort());
    await page.goto("/new");
    await page.getByText("Can’t reach the server").waitFor();
  },
  offline: async (page, chats) => {
    // A stream that opens later would report that the device is online.
    const stream = page.waitForResponse(/\/v1\/events/);
    await open(page, chats.unread);
    await stream;
    await page.waitForTimeout(300);
    await page.context().setOffline(true);
    await write(page, "Written offline");
    await thread(page).getByText("Waiting to send").waitFor();
    await page.getByText("You’re offline").filter({ visible: true }).first().waitFor();
  },
  reconnecting: async (page, chats) => {
    await page.route("**/v1/events**", (route) => route.abort());
    await open(page, chats.markdown);
    await page.getByText("Reconnecting…").filter({ visible: true }).first().waitFor();
  },
  "sign in": async (page) => {
    await page.route("**/v1/**", (route) => route.fulfill(unauthorized));
    await page.goto("/");
    await page.getByLabel("API key").waitFor();
  },
  "wrong key": async (page) => {
    await scenes["sign in"](page);
    await page.getByLabel("API key").fill("bnt_nonsense");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This API key is invalid").waitFor();
  },
};

/** Undoes the changes of a scene. */
export async function leave(page) {
  await page.context().setOffline(false);
  const cancel = page.getByRole("button", { name: "Cancel" });
  if (await cancel.isVisible()) await cancel.click();
  const discard = page.getByRole("main").getByRole("button", { name: "Discard" });
  if (await discard.isVisible()) await discard.click();
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
  const dismiss = page.getByRole("main").getByRole("button", { name: "Dismiss" });
  if (await dismiss.isVisible()) await dismiss.click();
  const undo = page.getByRole("button", { name: "Undo" });
  if (await undo.isVisible()) await undo.click();
  await stopTurn(page);
}

/** Stops the running turn through the api, because it may end before a click on Stop. */
async function stopTurn(page) {
  const { pathname } = new URL(page.url());
  if (!pathname.startsWith("/chat/")) return;
  const path = `/v1${pathname}`;
  for (;;) {
    const { session } = await (await page.request.get(path)).json();
    if (!session?.active_task) return;
    await page.request.post(`${path}/tasks/${session.active_task.id}/cancel`);
  }
}

import { isPhone } from "./actions.mjs";
import { backdate } from "./responses.mjs";

/** Scenes that show the chat list. */
export const chatListScenes = {
  "list over weeks": async (page, chats) => {
    await backdate(page);
    await page.goto(isPhone(page) ? "/" : chats.markdown);
    await page.getByRole("navigation").getByText("Yesterday").waitFor();
  },
  unread: async (page, chats) => {
    await page.goto(isPhone(page) ? "/" : chats.unread);
    await page.getByRole("navigation").getByText("50 unread messages").waitFor();
  },
  "needs you": async (page, chats) => {
    const path = `/v1${chats.names}/messages`;
    await page.request.post(path, { data: { content: "/tool" } });
    await page.goto(isPhone(page) ? "/" : chats.markdown);
    const group = page.getByRole("region", { name: "Needs you" });
    await group.getByRole("button", { name: "Allow" }).waitFor();
  },
  "new failure": async (page, chats) => {
    const path = `/v1${chats.names}/messages?wait=30`;
    await page.request.post(path, { data: { content: "/fail" } });
    await page.goto(isPhone(page) ? "/" : chats.markdown);
    await page.getByRole("navigation").getByText("New failure").waitFor();
  },
  selection: async (page, chats) => {
    await page.goto(isPhone(page) ? "/" : chats.markdown);
    const rows = page.getByRole("navigation").getByRole("link");
    await rows.first().focus();
    for (const key of ["ArrowDown", "Shift+ArrowDown", "Shift+ArrowDown"])
      await page.keyboard.press(key);
    await page.getByText("3 selected").waitFor();
  },
  "delete selected": async (page, chats) => {
    await chatListScenes.selection(page, chats);
    await page.getByRole("toolbar").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").waitFor();
  },
  "sidebar hidden": async (page, chats) => {
    await page.goto(chats.unread);
    await page.getByRole("log").waitFor();
    await page.keyboard.press("Control+Backslash");
  },
  archive: async (page) => {
    await page.goto("/");
    await page.getByRole("navigation").getByText("Release notes 2.4").waitFor();
    await page.getByRole("button", { name: "Show archived chats" }).click();
    await page.getByRole("navigation").getByText("Old ideas").waitFor();
  },
  "no results": async (page) => {
    await page.goto("/");
    await page.getByRole("searchbox").fill("nothing matches");
    await page.getByText("No results for").waitFor();
  },
  "row menu": async (page, chats) => {
    await page.goto(isPhone(page) ? "/" : chats.unread);
    const row = page.getByRole("navigation").locator("li", { hasText: "Count the words" });
    await row.hover();
    await row.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Archive" }).waitFor();
  },
  "list loading": async (page) => {
    await page.route("**/v1/chat?**", () => {});
    await page.goto("/");
    await page.locator("nav .animate-shimmer").first().waitFor({ state: "attached" });
  },
};

import { composer, thread } from "../chat.mjs";
import { openChat, sendWithButton } from "./actions.mjs";
import { manyAgents } from "./agents.mjs";

const unauthorized = { status: 401, json: { code: "unauthorized", title: "Unauthorized" } };

/**
 * Scenes in which a chat, an agent, the server, or the user is unavailable, or a view is loading.
 */
export const unavailableScenes = {
  "agent unavailable": async (page, chats) => {
    const items = manyAgents.map((one) => ({
      ...one,
      available: false,
      reason: "The program was not found.",
    }));
    await page.route("**/v1/agents", (route) => route.fulfill({ json: { items } }));
    await openChat(page, chats.unread);
    await page.getByText("This agent is unavailable").waitFor();
  },
  "agent removed": async (page, chats) => {
    await page.route("**/v1/agents", (route) => route.fulfill({ json: { items: [] } }));
    await openChat(page, chats.markdown);
    await page.getByText("This agent is no longer configured.").waitFor();
  },
  "archived chat": async (page, chats) => {
    await openChat(page, chats.archived);
    await page.getByText("This chat is archived.").waitFor();
  },
  "not found": async (page) => {
    await page.goto("/chat/00000000-0000-7000-8000-000000000000");
    await page.getByText("Chat not found").waitFor();
  },
  "not found with a draft": async (page, chats) => {
    await openChat(page, chats.names);
    await composer(page).fill("A question for later");
    await page.route("**/v1/chat/**", (route) =>
      route.fulfill({ status: 404, json: { code: "not_found", title: "Not Found" } }),
    );
    await page.reload();
    await page.getByText("A question for later").waitFor();
  },
  "chat loading": async (page, chats) => {
    await page.route("**/v1/chat/**", () => {});
    await page.route("**/v1/chat?**", () => {});
    await page.goto(chats.markdown);
    await page.locator("main .animate-shimmer").first().waitFor();
  },
  "load failed": async (page, chats) => {
    await page.route("**/v1/chat/**", (route) => route.abort());
    await page.route("**/v1/chat?**", (route) => route.abort());
    await page.goto(chats.markdown);
    await page.getByText("Couldn’t load this chat").waitFor();
  },
  "server unreachable": async (page) => {
    // Without this key, the page does not show its copies of chats.
    await page.addInitScript(() => localStorage.removeItem("banter.offline-account"));
    await page.route("**/v1/**", (route) => route.abort());
    await page.goto("/new");
    await page.getByText("Can’t reach the server").waitFor();
  },
  offline: async (page, chats) => {
    // Wait for the stream. If it opened later, the page would appear to be connected.
    const stream = page.waitForResponse(/\/v1\/events/);
    await openChat(page, chats.unread);
    await stream;
    await page.waitForTimeout(300);
    await page.context().setOffline(true);
    await sendWithButton(page, "Written offline");
    await thread(page).getByText("Waiting to send").waitFor();
    await page.getByText("You’re offline").filter({ visible: true }).first().waitFor();
  },
  reconnecting: async (page, chats) => {
    await page.route("**/v1/events**", (route) => route.abort());
    await openChat(page, chats.markdown);
    await page.getByText("Reconnecting…").filter({ visible: true }).first().waitFor();
  },
  "sign in": async (page) => {
    await page.route("**/v1/**", (route) => route.fulfill(unauthorized));
    await page.goto("/");
    await page.getByLabel("API key").waitFor();
  },
  "invalid key": async (page) => {
    await unavailableScenes["sign in"](page);
    await page.getByLabel("API key").fill("bnt_nonsense");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This API key is invalid").waitFor();
  },
};

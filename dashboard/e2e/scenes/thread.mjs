import { retryButtons, thread } from "../chat.mjs";
import { openChat } from "./actions.mjs";
import { backdate } from "./responses.mjs";

/** Waits for the math and the diagram of an answer. */
async function showDiagram(page) {
  await thread(page).locator(".katex-display").first().waitFor();
  await thread(page).getByRole("img", { name: "Diagram" }).scrollIntoViewIfNeeded();
}

/** Scenes that show threads. */
export const threadScenes = {
  "empty chat": async (page, chats) => {
    await openChat(page, chats.empty);
    await thread(page).getByText("Send Demo a message").waitFor();
  },
  markdown: async (page, chats) => {
    await openChat(page, chats.markdown);
    await page.locator("[data-code-header]").first().waitFor();
  },
  "math and diagrams": async (page, chats) => {
    await openChat(page, chats.rich);
    await showDiagram(page);
  },
  "diagram viewer": async (page, chats) => {
    await openChat(page, chats.rich);
    await showDiagram(page);
    await thread(page).getByRole("button", { name: "Zoom" }).click();
    await page.getByRole("dialog", { name: "Diagram" }).waitFor();
  },
  "code and a diff": async (page, chats) => {
    await openChat(page, chats.code);
    await thread(page).getByRole("button", { name: "Show all 60 lines" }).waitFor();
    await thread(page).locator("[data-kind=addition]").first().scrollIntoViewIfNeeded();
    await thread(page).evaluate((log) => log.scrollTo({ top: 0 }));
  },
  "folded code": async (page, chats) => {
    await openChat(page, chats.code);
    await thread(page).getByRole("button", { name: "Show all 60 lines" }).scrollIntoViewIfNeeded();
  },
  "pasted code": async (page, chats) => {
    await openChat(page, chats.rich);
    await thread(page).getByRole("button", { name: "Show more" }).first().scrollIntoViewIfNeeded();
  },
  "layout edge cases": async (page, chats) => {
    await openChat(page, chats.hard);
    await page.locator("[data-code-header]").first().waitFor();
  },
  "long answer": async (page, chats) => {
    await openChat(page, chats.long);
    await thread(page).getByText("The end.").waitFor();
    await thread(page).evaluate((log) => log.scrollTo({ top: 700 }));
    await page.getByRole("button", { name: "Jump to latest" }).waitFor();
  },
  "day dividers": async (page, chats) => {
    await backdate(page);
    await openChat(page, chats.steps);
    await thread(page).getByText("Yesterday").waitFor();
  },
  "new divider": async (page, chats) => {
    await openChat(page, chats.news);
    await thread(page).getByText("New", { exact: true }).waitFor();
    await thread(page).evaluate((log) => log.scrollTo({ top: 0 }));
    await thread(page).getByText("The roof is done.").last().waitFor();
  },
  "new messages": async (page, chats) => {
    await openChat(page, chats.news);
    // An earlier scene may have read the messages.
    await thread(page).press("End");
    await page.getByRole("button", { name: "new message" }).waitFor({ state: "detached" });
    await thread(page).evaluate((log) => log.scrollTo({ top: 700 }));
    await page.getByRole("button", { name: "Jump to latest" }).waitFor();
    const data = { content: "/echo One more thing." };
    await page.request.post(`/v1${chats.news}/messages?wait=30`, { data });
    await page.getByRole("button", { name: "new message" }).waitFor();
  },
  "find in chat": async (page, chats) => {
    await openChat(page, chats.many);
    await page.keyboard.press("Control+KeyF");
    await page.getByRole("textbox", { name: "Find in chat" }).fill("answer 2");
    await page.getByRole("search").getByText("of 22").waitFor();
  },
  questions: async (page, chats) => {
    await openChat(page, chats.many);
    await page.keyboard.press("Control+KeyJ");
    await page.getByRole("listbox").getByRole("option", { selected: true }).waitFor();
  },
  "turn details": async (page, chats) => {
    await openChat(page, chats.markdown);
    await page.locator("[data-code-header]").first().waitFor();
    await thread(page).getByRole("button", { name: "Details" }).last().click();
  },
  "failed turns": async (page, chats) => {
    await openChat(page, chats.failed);
    await retryButtons(page).last().waitFor();
  },
  "interrupted turn": async (page, chats) => {
    await openChat(page, chats.interrupted);
    await retryButtons(page).waitFor();
  },
};

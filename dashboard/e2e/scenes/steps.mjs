import { thread } from "../chat.mjs";
import { expandSteps, openChat, sendWithButton } from "./actions.mjs";
import { addChanges, colorSteps } from "./responses.mjs";

/** Scenes that show steps and terminal output. */
export const stepScenes = {
  steps: async (page, chats) => {
    await openChat(page, chats.steps);
    await thread(page).getByText("2 steps").last().waitFor();
  },
  "expanded steps": async (page, chats) => {
    await openChat(page, chats.steps);
    await thread(page).getByText("2 steps").last().waitFor();
    await expandSteps(page);
  },
  "changed files": async (page, chats) => {
    await addChanges(page);
    await openChat(page, chats.coding);
    await page.getByRole("button", { name: /5 files changed/ }).click();
    await page.getByRole("group", { name: "Changes to docs/settings.md" }).waitFor();
  },
  "coding steps": async (page, chats) => {
    await openChat(page, chats.coding);
    await thread(page).getByText("6 steps").waitFor();
    await expandSteps(page);
    await thread(page).locator(".diff-line").first().waitFor();
    await thread(page).getByText("Find where").scrollIntoViewIfNeeded();
  },
  "request with a diff": async (page, chats) => {
    await openChat(page, chats.asking);
    await sendWithButton(page, "wait");
    await thread(page).locator("[data-permission-card] .diff-line").first().waitFor();
    await page.getByRole("region", { name: "Plan" }).getByRole("button").click();
  },
  "expired request": async (page, chats) => {
    await openChat(page, chats.expired);
    await thread(page).getByText("1 request expired").waitFor();
    await expandSteps(page);
  },
  "terminal output": async (page, chats) => {
    await openChat(page, chats.terminal);
    await thread(page).locator("[data-terminal]").getByText("the report").waitFor();
  },
  "terminal output of steps": async (page, chats) => {
    await colorSteps(page);
    await openChat(page, chats.steps);
    await thread(page).getByText("2 steps").last().waitFor();
    await expandSteps(page);
    await thread(page).getByText("2 failed").last().waitFor();
  },
};

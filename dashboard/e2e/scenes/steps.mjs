import { thread } from "../chat.mjs";
import { expandSteps, openChat } from "./actions.mjs";
import { colorSteps } from "./responses.mjs";

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

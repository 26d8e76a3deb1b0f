import { ANSWER_MS, composer, live, retryButtons, thread } from "../chat.mjs";
import { openChat, sendWithButton } from "./actions.mjs";
import { endAtLimit, limitRate } from "./responses.mjs";

/** Scenes that show turns in progress and incomplete turns. */
export const turnScenes = {
  starting: async (page, chats) => {
    await openChat(page, chats.waiting);
    await sendWithButton(page, "What is the answer to everything?");
    await thread(page).getByText("Starting").waitFor({ timeout: ANSWER_MS });
  },
  "stopped without an answer": async (page, chats) => {
    await openChat(page, chats.waiting);
    await retryButtons(page).waitFor();
  },
  retrying: async (page, chats) => {
    await openChat(page, chats.empty);
    await sendWithButton(page, "/fail retry");
    await thread(page).getByText("Retrying in").waitFor({ timeout: ANSWER_MS });
  },
  "long wait": async (page, chats) => {
    await limitRate(page);
    await openChat(page, chats.failed);
    await thread(page)
      .getByText(/Rate limit reached\. Resumes (at|on) /)
      .waitFor();
  },
  "token limit": async (page, chats) => {
    await endAtLimit(page);
    await openChat(page, chats.names);
    await thread(page).getByText("No answer: token limit reached").last().waitFor();
  },
  "permission request": async (page, chats) => {
    await openChat(page, chats.names);
    await sendWithButton(page, "/tool");
    await page.getByRole("group", { name: "Permission request" }).waitFor({ timeout: ANSWER_MS });
    await thread(page).getByText("Waiting for your permission").waitFor();
  },
  "queued messages": async (page, chats) => {
    await openChat(page, chats.names);
    await sendWithButton(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await sendWithButton(page, "Then choose one and say why.");
    await thread(page).getByText("Queued #1").waitFor();
    await sendWithButton(page, "And open an issue for it.");
    await thread(page).getByText("Queued #2").waitFor();
    await composer(page).fill("And one more thing");
    // Each new line of the answer moves the button.
    await thread(page).getByRole("button", { name: "Edit" }).nth(1).press("Enter");
    await page.getByRole("textbox", { name: "Edit queued message" }).waitFor();
  },
  "stopped turn": async (page, chats) => {
    await openChat(page, chats.names);
    await thread(page).getByText("Stopped").first().waitFor();
  },
};

import { composer, thread } from "../chat.mjs";
import { openChat, sendWithButton } from "./actions.mjs";

/** Scenes that show the composer and unsent messages. */
export const composerScenes = {
  "conflicting draft": async (page, chats) => {
    await openChat(page, chats.unread);
    const other = await page.context().newPage();
    await openChat(other, chats.unread);
    await composer(page).fill("A paragraph about what changed for administrators");
    await other.waitForFunction(() => document.querySelector("main textarea").value !== "");
    await composer(other).fill("Short");
    await page.getByText("Another tab or device has a different draft.").waitFor();
    await other.close();
  },
  "multiline draft": async (page, chats) => {
    await openChat(page, chats.names);
    const lines = Array.from({ length: 12 }, (_, index) => `Line ${index + 1} of what I mean`);
    await composer(page).fill(lines.join("\n"));
  },
  "too long": async (page, chats) => {
    await openChat(page, chats.names);
    await composer(page).fill("far too much ".repeat(22_000));
    await page.getByText("exceeds 256 KiB").waitFor();
  },
  "not sent": async (page, chats) => {
    const full = { status: 409, json: { code: "queue_full", title: "Conflict", detail: "" } };
    await page.route("**/messages**", (route) =>
      route.request().method() === "POST" ? route.fulfill(full) : route.fallback(),
    );
    await openChat(page, chats.unread);
    await sendWithButton(page, "One more message");
    await thread(page).getByRole("button", { name: "Discard" }).waitFor();
  },
};

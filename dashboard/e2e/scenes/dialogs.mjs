import { chooseFromMenu, composer } from "../chat.mjs";
import { isPhone, openChat } from "./actions.mjs";

/** Scenes that show menus, dialogs, and the palette. */
export const dialogScenes = {
  menu: async (page, chats) => {
    await openChat(page, chats.unread);
    await page.locator("main header").getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Archive" }).waitFor();
  },
  toast: async (page, chats) => {
    await openChat(page, chats.expired);
    await chooseFromMenu(page, "Archive");
    await page.getByRole("button", { name: "Undo" }).waitFor();
  },
  rename: async (page, chats) => {
    await openChat(page, chats.unread);
    await chooseFromMenu(page, /^Rename/);
    await page.getByRole("textbox", { name: "Title" }).waitFor();
  },
  delete: async (page, chats) => {
    await openChat(page, chats.long);
    await chooseFromMenu(page, /^Delete/);
    await page.getByRole("dialog").waitFor();
  },
  palette: async (page, chats) => {
    await openChat(page, chats.markdown);
    await page.keyboard.press("Control+KeyK");
    await page.getByRole("listbox").getByRole("option").first().waitFor();
  },
  "palette search": async (page, chats) => {
    await dialogScenes.palette(page, chats);
    await page.keyboard.type("the");
    await page.getByRole("listbox").getByRole("option").first().waitFor();
  },
  "palette no results": async (page, chats) => {
    await dialogScenes.palette(page, chats);
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
    await dialogScenes.settings(page, chats);
    await page.keyboard.press("Escape");
    await page.goto(chats.markdown);
    await composer(page).fill("half a thought");
    await page.goto("/");
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Keep and sign out" }).waitFor();
  },
  help: async (page, chats) => {
    await openChat(page, chats.markdown);
    await page.keyboard.press("Control+Slash");
    await page.getByRole("dialog").waitFor();
  },
};

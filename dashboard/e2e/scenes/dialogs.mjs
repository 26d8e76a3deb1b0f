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
  "export chat": async (page, chats) => {
    await openChat(page, chats.markdown);
    await chooseFromMenu(page, "Export…");
    await page.getByRole("dialog", { name: "Export chat" }).waitFor();
  },
  "files in chat": async (page, chats) => {
    await openChat(page, chats.files);
    await chooseFromMenu(page, "Files in this chat…");
    await page.getByRole("dialog").getByRole("heading", { name: "Images" }).waitFor();
  },
  "import chats": async (page, chats) => {
    await dialogScenes.settings(page, chats);
    await page.getByRole("button", { name: "Import chats…" }).click();
    await page.getByRole("button", { name: "Choose file" }).waitFor();
  },
  "imported chats": async (page, chats) => {
    const failed = [{ source: "chatgpt:67a1", reason: "It has no messages." }];
    const line = JSON.stringify({ type: "result", imported: 1200, skipped: 3, failed });
    await page.route("**/v1/import", (route) => route.fulfill({ body: `${line}\n` }));
    await dialogScenes["import chats"](page, chats);
    const file = { name: "chats.json", mimeType: "application/json", buffer: Buffer.from("[]") };
    await page.locator('dialog input[type="file"]').setInputFiles(file);
    await page.getByText("1,200 imported").waitFor();
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

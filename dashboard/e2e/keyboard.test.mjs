import assert from "node:assert/strict";
import { test } from "node:test";
import { uploaded } from "./attachments.mjs";
import {
  ANSWER_MS,
  answered,
  composer,
  focused,
  live,
  retryButtons,
  row,
  send,
  startChat,
  thread,
} from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

/** Waits until the composer has the focus. */
async function ready(page) {
  await focused(page, composer(page));
}

/** Presses a key until the element has the focus. */
async function pressUntil(page, key, target, most = 40) {
  for (let count = 0; count < most; count += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  assert.fail(`${key} did not reach the element`);
}

/** Presses Tab until the element has the focus. */
const tabTo = (page, target, most) => pressUntil(page, "Tab", target, most);

/** Presses Shift+Tab until the element has the focus. */
const backTo = (page, target) => pressUntil(page, "Shift+Tab", target);

test("chats can be used by keyboard alone", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/");
    await ready(page);
    await page.keyboard.type("/echo one");
    await page.keyboard.press("Enter");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    await page.keyboard.press("Control+Shift+KeyO");
    // The URL changes before the view does.
    await page.getByRole("heading", { name: "Chat with Demo" }).waitFor();
    await ready(page);
    await page.keyboard.type("/slow 600");
    await page.keyboard.press("Enter");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await page.keyboard.press("Escape");
    await retryButtons(page).waitFor();

    // Chat list: move down from the search field, and open a chat with Enter.
    const first = page.url();
    await tabTo(page, page.getByRole("searchbox"));
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForFunction((url) => window.location.href !== url, first);
    await answered(page).waitFor();

    // Menu: rename.
    await tabTo(page, page.locator("main header").getByRole("button", { name: "More actions" }));
    await page.keyboard.press("Enter");
    await focused(page, page.getByRole("menuitem").first());
    for (let count = 0; count < 5; count += 1) await page.keyboard.press("ArrowDown");
    await focused(page, page.getByRole("menuitem", { name: /^Rename/ }));
    await page.keyboard.press("Enter");
    await focused(page, page.getByRole("textbox", { name: "Title" }));
    await page.keyboard.type("By keyboard");
    await page.keyboard.press("Enter");
    await row(page).getByText("By keyboard").waitFor();

    // Palette: commands and chats.
    await page.keyboard.press("Control+KeyK");
    await focused(page, page.getByRole("combobox"));
    await page.keyboard.type("dark");
    await page.keyboard.press("Enter");
    await page.locator('html[data-theme="dark"]').waitFor();
    await page.goto("/new");
    await ready(page);
    await page.keyboard.press("Control+KeyK");
    await page.getByRole("option", { name: "By keyboard" }).waitFor();
    await page.keyboard.type("keyboard by");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/chat\//);
    await row(page).getByText("By keyboard").waitFor();

    await page.keyboard.press("Control+Slash");
    const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    await help.waitFor();
    await page.keyboard.press("Escape");
    await help.waitFor({ state: "detached" });
  });
});

test(
  "the search field keeps the focus when the composer appears while the page loads",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page }) => {
      let respond;
      const isTyped = new Promise((resolve) => {
        respond = resolve;
      });
      await page.route("**/v1/me", async (route) => {
        await isTyped;
        await route.continue();
      });
      await page.goto("/");
      const search = page.getByRole("searchbox");
      await search.click();
      await page.keyboard.type("no");
      respond();
      await composer(page).waitFor();
      await page.keyboard.type("thing");

      assert.equal(await search.inputValue(), "nothing");
      assert.equal(await composer(page).inputValue(), "");
    });
  },
);

test("closing a dialog restores the focus", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo one");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const title = page.getByRole("button", { name: "/echo one", exact: true });
    const settings = page.getByRole("button", { name: "Settings" });
    const overlays = [
      [composer(page), "Control+KeyK"],
      [composer(page), "Control+Slash"],
      [title, "Enter"],
      [settings, "Enter"],
    ];

    for (const [opener, key] of overlays) {
      await opener.focus();
      await opener.press(key);
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await focused(page, opener);
    }

    // After a command, the focus is on its target.
    await row(page).focus();
    await page.keyboard.press("Control+KeyK");
    await focused(page, page.getByRole("combobox"));
    await page.keyboard.type("new chat with");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Chat with Demo" }).waitFor();
    await ready(page);
  });
});

test(
  "typing goes to the composer after the focused button was removed and after a click on the thread",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page }) => {
      await startChat(page, "/slow 600");
      await live(page).waitFor({ timeout: ANSWER_MS });
      await send(page, "later");
      await thread(page).getByText("Queued #1").waitFor();
      await thread(page).getByRole("button", { name: "Edit" }).press("Enter");
      await focused(page, page.getByRole("textbox", { name: "Edit queued message" }));
      await page.keyboard.press("Escape");
      await focused(page, composer(page));
      await send(page, "never");
      await thread(page).getByText("Queued #2").waitFor();
      await thread(page).getByRole("button", { name: "Remove" }).last().press("Enter");
      await page.waitForFunction(() => document.activeElement === document.body);

      await page.keyboard.type("one");
      assert.equal(await composer(page).inputValue(), "one");

      await thread(page).getByText("later", { exact: true }).click();
      // An IME starts a composition only in a field that had the focus before the first key press.
      await focused(page, composer(page));
      await page.keyboard.type("two");
      assert.equal(await composer(page).inputValue(), "onetwo");
      assert.equal(await live(page).count(), 1, "answers in progress");
    });
  },
);

test("what only a background shows is visible with forced colors", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      const style = (one, part, property) =>
        one.evaluate(
          (element, [name, value]) => getComputedStyle(element, name)[value],
          [part, property],
        );
      await startChat(page, "/echo - [x] done");
      const task = page.locator("[data-answer]").getByRole("checkbox");
      await task.waitFor({ timeout: ANSWER_MS });
      const [mark, box] = [
        await style(task, "::before", "backgroundColor"),
        await style(task, "", "backgroundColor"),
      ];
      assert.notEqual(mark, box, "the mark of a finished task");
      const newChat = page.getByRole("link", { name: "New chat", exact: true });
      for (const control of [
        newChat,
        page.getByRole("searchbox"),
        page.getByRole("button", { name: "Send" }),
      ])
        assert.equal(await style(control, "", "borderTopStyle"), "solid");

      await page.keyboard.press("Control+KeyK");
      const chosen = page.getByRole("listbox").getByRole("option", { selected: true });
      const other = page.getByRole("listbox").getByRole("option", { selected: false }).first();
      await chosen.waitFor();
      const outline = (one) => one.evaluate((element) => getComputedStyle(element).outlineStyle);
      assert.deepEqual([await outline(chosen), await outline(other)], ["solid", "none"]);
      assert.equal(await outline(row(page)), "solid");
      await page.keyboard.press("Escape");

      await page.getByRole("button", { name: "Settings" }).click();
      for (const control of [page.getByRole("radio").first(), page.getByRole("switch")]) {
        const { width } = await control.boundingBox();
        assert.ok(width > 8, "the browser's native control is shown");
      }
    },
    { context: { forcedColors: "active" } },
  );
});

test("Enter during an IME composition neither sends nor renames", TIMEOUT, async () => {
  await withTestApp(async ({ page, context }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const ime = await context.newCDPSession(page);
    const compose = (text) =>
      ime.send("Input.imeSetComposition", { text, selectionStart: 1, selectionEnd: 1 });
    const enter = { key: "Enter", code: "Enter", windowsVirtualKeyCode: 229 };

    await composer(page).focus();
    await compose("に");
    await ime.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...enter });
    await ime.send("Input.insertText", { text: "日" });
    assert.equal(await composer(page).inputValue(), "日");

    await page.getByRole("button", { name: "/echo hello", exact: true }).click();
    const title = page.getByRole("textbox", { name: "Title" });
    await title.fill("");
    await compose("に");
    await ime.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...enter });
    await ime.send("Input.insertText", { text: "本" });
    assert.equal(await title.inputValue(), "本");
    await page.keyboard.press("Escape");

    await composer(page).press("Enter");
    await thread(page).getByText("日", { exact: true }).waitFor();
  });
});

test(
  "settings for theme, send key, and notifications are kept after a reload",
  TIMEOUT,
  async () => {
    await withTestApp(async ({ page, context, url }) => {
      await context.grantPermissions(["notifications"], { origin: url });
      await page.goto("/");
      await page.getByRole("button", { name: "Settings" }).click();
      await page.getByRole("radio", { name: "Dark" }).check({ force: true });
      await page.getByRole("radio", { name: "Ctrl+Enter" }).check({ force: true });
      await page.getByRole("switch").check();
      await page.getByRole("button", { name: "Done" }).click();

      await page.reload();

      await page.locator('html[data-theme="dark"]').waitFor();
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(background, "rgb(20, 20, 19)");
      await composer(page).fill("/echo first");
      await composer(page).press("Enter");
      assert.equal(await composer(page).inputValue(), "/echo first\n");
      await composer(page).press("Control+Enter");
      await page.waitForURL(/\/chat\//);
      await answered(page).waitFor({ timeout: ANSWER_MS });
    });
  },
);

test("an answer on a hidden page shows a badge and a notification", TIMEOUT, async () => {
  await withTestApp(async ({ page, context, url }) => {
    await context.grantPermissions(["notifications"], { origin: url });
    await page.addInitScript(() => {
      window.shown = [];
      let isHidden = false;
      Object.defineProperty(document, "visibilityState", {
        get: () => (isHidden ? "hidden" : "visible"),
      });
      document.hasFocus = () => !isHidden;
      window.setHidden = (next) => {
        isHidden = next;
        document.dispatchEvent(new Event("visibilitychange"));
      };
      window.Notification = class {
        static permission = "granted";
        constructor(title, { body }) {
          window.shown.push({ title, body });
        }
      };
      localStorage.setItem("banter.preferences", JSON.stringify({ hasNotifications: true }));
    });
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    assert.deepEqual(await page.evaluate(() => window.shown), []);

    await send(page, "/slow 5");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await page.evaluate(() => window.setHidden(true));

    await page.waitForFunction(() => document.title.startsWith("(1) "));
    await page.waitForFunction(() => window.shown.length === 1);
    const icon = page.locator('link[rel="icon"]');
    assert.match((await icon.getAttribute("href")) ?? "", /^data:image\/svg/);

    await page.evaluate(() => window.setHidden(false));
    await page.waitForFunction(() => !document.title.startsWith("("));
    assert.equal(await icon.getAttribute("href"), "/favicon.svg");
  });
});

test("files are attached, removed, and sent by keyboard alone", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    // The browser takes a moment to pass on the opening of file dialogs.
    const chooser = page.waitForEvent("filechooser");
    await page.goto("/new");
    await ready(page);
    await tabTo(page, page.getByRole("button", { name: "Attach files" }));
    await page.keyboard.press("Enter");
    const text = (name) => ({ name, mimeType: "text/plain", buffer: Buffer.from("one two") });
    await (await chooser).setFiles([text("kept.txt"), text("removed.txt")]);
    await uploaded(page, "kept.txt").waitFor();
    await uploaded(page, "removed.txt").waitFor();

    await composer(page).focus();
    await backTo(page, page.getByRole("button", { name: "Remove removed.txt" }));
    await page.keyboard.press("Enter");
    await uploaded(page, "removed.txt").waitFor({ state: "detached" });
    await ready(page);
    await page.keyboard.type("What is this?");
    await page.keyboard.press("Enter");

    await page.waitForURL(/\/chat\//);
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await thread(page).getByRole("link", { name: "Download kept.txt" }).waitFor();
    assert.equal(await thread(page).getByText("removed.txt").count(), 0);
  });
});

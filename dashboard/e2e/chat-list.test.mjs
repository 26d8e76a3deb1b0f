import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANSWER_MS,
  answered,
  chooseFromMenu,
  composer,
  focused,
  live,
  row,
  send,
  startChat,
} from "./chat.mjs";
import { withAgents } from "./scenes/agents.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

test("Escape in the search field clears and leaves it, and stops nothing", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    const search = page.getByRole("searchbox");
    await search.fill("slow");

    await search.press("Escape");
    assert.equal(await search.inputValue(), "");
    await focused(page, search);
    await search.press("Escape");

    await focused(page, row(page));
    const { pathname } = new URL(page.url());
    const { session } = await (await page.request.get(`/v1${pathname}`)).json();
    assert.equal(session.active_task?.status, "running");
    assert.equal(await page.getByRole("button", { name: "Stop" }).isEnabled(), true);
  });
});

test("Undo after archiving the open chat opens it again", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo one");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const chat = page.url();

    await chooseFromMenu(page, "Archive");
    await page.waitForURL((url) => url.pathname === "/");
    await page.getByRole("button", { name: "Undo" }).click();
    await page.waitForURL(chat);
    await composer(page).waitFor();

    await chooseFromMenu(page, "Archive");
    await page.getByRole("button", { name: "Undo" }).waitFor();
    await page.keyboard.press("Control+Shift+KeyO");
    await page.waitForURL("**/new");
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("navigation").getByText("/echo one").first().waitFor();
    assert.match(page.url(), /\/new$/, "the user has moved on");
  });
});

test("the name of the agent is visible next to a title of 200 characters", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const data = { agent_key: "demo", title: "A long title ".repeat(16).slice(0, 200) };
    const { id } = await (await page.request.post("/v1/chat", { data })).json();
    for (const width of [1440, 800, 390]) {
      await page.setViewportSize({ width, height: 800 });
      await page.goto(`/chat/${id}`);
      const header = page.locator("main header");
      const name = header.getByText("Demo", { exact: false }).last();
      await name.waitFor();
      const shown = await name.evaluate((one) => [one.clientWidth, one.scrollWidth]);
      assert.ok(shown[0] > 0 && shown[0] === shown[1], `${width}: ${shown}`);
      const { x, width: own } = await header.boundingBox();
      const { x: left, width: text } = await name.boundingBox();
      assert.ok(left + text <= x + own, `${width}: the name is inside the header`);
    }
  });
});

test("the menus of the rows have different names", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    for (const title of ["One", "Two"])
      await page.request.post("/v1/chat", { data: { agent_key: "demo", title } });
    await page.goto("/new");
    await page.getByRole("link", { name: "Two" }).waitFor();
    for (const title of ["One", "Two"])
      await page.getByRole("button", { name: `More actions for ${title}`, exact: true }).waitFor();
  });
});

test("an empty list offers to start a chat", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/");
    const list = page.getByRole("navigation");
    await list.getByText("Send a message to start a chat.").waitFor();
    await composer(page).blur();

    await list.getByRole("button", { name: "New chat" }).click();

    await page.waitForURL("**/new");
    await focused(page, composer(page));
  });
});

for (const colorScheme of ["light", "dark"])
  test(
    `rows are compact, and the open one stands out in ${colorScheme} mode`,
    TIMEOUT,
    async () => {
      await withTestApp(
        async ({ page }) => {
          await startChat(page, "/echo one");
          await answered(page).waitFor({ timeout: ANSWER_MS });
          await row(page).locator("time").waitFor();

          const { height } = await row(page).boundingBox();
          assert.ok(height <= 54, `height: ${height}`);
          const contrast = await row(page).evaluate((link) => {
            const luminance = (element) => {
              const color = getComputedStyle(element).backgroundColor;
              const [red, green, blue] = color.match(/[\d.]+/g).map((value) => {
                const part = Number(value) / 255;
                return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
              });
              return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
            };
            const [one, other] = [link.closest("li"), link.closest(".bg-side")].map(luminance);
            return Math.max(one, other) / Math.min(one, other);
          });
          assert.ok(contrast >= (colorScheme === "dark" ? 1.3 : 1.1), `contrast: ${contrast}`);
        },
        { context: { colorScheme } },
      );
    },
  );

test("a viewer is not offered a new chat", TIMEOUT, async () => {
  const me = { user_id: "ann", workspace_id: "default", role: "viewer" };
  await withTestApp(async ({ page }) => {
    await page.route("**/v1/auth/me", (route) => route.fulfill({ json: me }));
    await page.goto("/");
    await page.getByText("New chats appear here.").waitFor();
    assert.equal(await page.getByRole("link", { name: "New chat" }).count(), 0);
    assert.equal(await page.getByText("Send a message to start a chat.").count(), 0);

    await page.keyboard.press("Control+Shift+KeyO");
    await page.keyboard.press("Control+KeyK");
    await page.getByRole("option", { name: "Settings" }).waitFor();
    assert.equal(await page.getByRole("option", { name: "New chat" }).count(), 0);
    assert.equal(new URL(page.url()).pathname, "/");
  });
});

for (const locale of ["fr-FR", "ar-EG"])
  test(`dates are in English in a browser with the locale ${locale}`, TIMEOUT, async () => {
    await withTestApp(
      async ({ page }) => {
        await startChat(page, "/echo hello");
        await answered(page).waitFor({ timeout: ANSWER_MS });
        const time = row(page).locator("time");
        assert.match(await time.getAttribute("title"), /^[A-Z][a-z]+day, [A-Z][a-z]+ \d+, \d{4}/);
        assert.equal(await time.textContent(), "now");
        await page.getByRole("region", { name: "Today" }).waitFor();
      },
      { context: { locale } },
    );
  });

test("a new chat starts with the agent of the last one", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await page.goto("/new");
      await page.getByRole("radio", { name: /^Demo/ }).waitFor({ state: "attached" });
      await page.getByText("Build", { exact: true }).click();
      await send(page, "go");
      await page.waitForURL(/\/chat\//);
      // A message that is still being sent would open its chat again after the reload.
      await page.locator("[data-turn]").first().waitFor({ state: "attached" });

      await page.goto("/new");
      await page.getByRole("radio", { name: /^Build/, checked: true }).waitFor({
        state: "attached",
      });
      await page.goto("/new?agent=demo");
      await page.getByRole("radio", { name: /^Demo/, checked: true }).waitFor({
        state: "attached",
      });
    },
    { environment: withAgents },
  );
});

test("the palette offers the commands of the open chat", TIMEOUT, async () => {
  await withTestApp(async ({ page, context, url }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    const choose = async (name) => {
      await page.keyboard.press("Control+KeyK");
      await page.getByRole("combobox").fill(name);
      // The name includes the command's shortcut.
      const palette = page.getByRole("listbox");
      await palette.getByRole("option", { name: new RegExp(`^${name}`) }).click();
    };

    await choose("Stop answer");
    await live(page).waitFor({ state: "detached" });
    await choose("Rename…");
    await page.getByRole("textbox", { name: "Title" }).fill("By command");
    await page.keyboard.press("Enter");
    await row(page).getByText("By command").waitFor();
    await choose("Pin");
    await page.getByRole("region", { name: "Pinned" }).getByText("By command").waitFor();
    await choose("Copy link");
    await page.getByText("Link copied").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
    await choose("Archive");
    await page.getByText("Chat archived").waitFor();
    await page.waitForURL((current) => current.pathname === "/");
  });
});

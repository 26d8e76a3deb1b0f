import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import {
  ANSWER_MS,
  answered,
  composer,
  finished,
  live,
  retryButtons,
  row,
  send,
  startChat,
  thread,
} from "./chat.mjs";
import { binaries, withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const idOf = (page) => page.url().split("/").at(-1);

test("a chat that another client archives, restores, and deletes is updated", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const path = `/v1/chat/${idOf(page)}`;
    await composer(page).fill("half a thought");

    await page.request.delete(path);
    await page.getByText("This chat is archived.").waitFor();
    await page.request.patch(path, { data: { status: "active" } });
    await composer(page).waitFor();
    assert.equal(await composer(page).inputValue(), "half a thought");

    await page.request.delete(`${path}?permanent=true`);
    await page.getByText("Chat not found").waitFor();
    await page.getByText("half a thought", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Discard" }).click();
    await page.getByText("half a thought", { exact: true }).waitFor({ state: "detached" });
  });
});

test("an answer in progress can be stopped in an archived chat", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await page.request.delete(`/v1/chat/${idOf(page)}`);
    await page.getByText("This chat is archived.").waitFor();

    await page.getByRole("button", { name: "Stop" }).click();

    await live(page).waitFor({ state: "detached" });
    await thread(page).getByText("Stopped").first().waitFor();
  });
});

test("a chat whose agent was removed shows its history and the reason", TIMEOUT, async () => {
  let file = "";
  const environment = (folder) => {
    file = `${folder}/agents.toml`;
    writeFileSync(
      file,
      `[[agents]]
key = "passing"
name = "Passing"
driver = "acp"
command = "${binaries}/worker"
args = ["demo-agent"]
`,
    );
    return { AGENTS_FILE: file };
  };
  await withTestApp(
    async ({ page, server }) => {
      await page.goto("/new?agent=passing");
      await send(page, "/echo hello");
      await page.waitForURL(/\/chat\//);
      await answered(page).waitFor({ timeout: ANSWER_MS });

      writeFileSync(file, "");
      await server.killApi();
      await server.startApi();
      await page.reload();

      await page.getByText("This agent is no longer configured.").waitFor();
      await answered(page).waitFor();
      await page.locator("main header").getByText("passing").waitFor();
      await composer(page).waitFor();
    },
    { environment },
  );
});

test(
  "without a worker, a message is shown as waiting and can be edited or stopped",
  TIMEOUT,
  async () => {
    await withTestApp(
      async ({ page, server }) => {
        await startChat(page, "/echo one");
        await thread(page).getByText("Waiting for a free worker").waitFor();
        await row(page).getByText("Waiting…").waitFor();
        await thread(page).getByRole("button", { name: "Edit" }).click();
        const field = page.getByRole("textbox", { name: "Edit queued message" });
        await field.fill("/echo two");
        await field.press("Enter");
        await thread(page).getByText("/echo two", { exact: true }).waitFor();

        await page.getByRole("button", { name: "Stop" }).click();
        await thread(page).getByText("Stopped").first().waitFor();
        server.startWorker();
        await retryButtons(page).click();

        await answered(page).waitFor({ timeout: ANSWER_MS });
        const answer = await page.locator("[data-answer]").textContent();
        assert.match(answer ?? "", /two$/);
      },
      { hasWorker: false },
    );
  },
);

test("an edit after the agent has started can be sent as a new message", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await send(page, "/slow 2");
    await thread(page).getByText("Queued #1").waitFor();
    await thread(page).getByRole("button", { name: "Edit" }).click();
    const field = page.getByRole("textbox", { name: "Edit queued message" });
    await field.fill("/echo changed");

    const path = `/v1/chat/${idOf(page)}`;
    const { session } = await (await page.request.get(path)).json();
    await page.request.post(`${path}/tasks/${session.active_task.id}/cancel`);

    await page.getByText("The agent has already started on this message.").waitFor();
    assert.equal(await field.inputValue(), "/echo changed");
    await page.getByRole("button", { name: "Send as new message" }).click();
    await field.waitFor({ state: "detached" });
    await thread(page).getByText("/echo changed", { exact: true }).waitFor();
    await finished(page).nth(1).waitFor({ timeout: ANSWER_MS });
  });
});

test("a button that new text moves while it is pressed still reacts", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    await send(page, "/echo hello");
    const edit = thread(page).getByRole("button", { name: "Edit" });
    await edit.waitFor();
    const isPressed = () => edit.evaluate((button) => button.matches(":active"));
    let box = await edit.boundingBox();
    for (;;) {
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.down();
      if (await isPressed()) break;
      await page.mouse.up();
      box = await edit.boundingBox();
    }
    await page.waitForFunction(
      ([button, { y, height }]) => button.getBoundingClientRect().top > y + height,
      [await edit.elementHandle(), box],
    );
    await page.mouse.up();

    await page.getByRole("textbox", { name: "Edit queued message" }).waitFor();
  });
});

test("the answer in progress of another chat is not shown", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/slow 600");
    await live(page).waitFor({ timeout: ANSWER_MS });
    const busy = page.url();

    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    assert.equal(await live(page).count(), 0);
    assert.equal(await page.getByRole("button", { name: "Stop" }).count(), 0);
    await page.getByRole("navigation").getByText("Typing…").waitFor();
    await page.goto(busy);
    await page.getByRole("button", { name: "Stop" }).click();
    await retryButtons(page).waitFor();
  });
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { attach, pending, uploaded } from "./attachments.mjs";
import { findAll } from "./axe.mjs";
import {
  ANSWER_MS,
  answered,
  chooseFromMenu,
  composer,
  finished,
  live,
  send,
  startChat,
  thread,
} from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const RED = readFileSync(fileURLToPath(new URL("../../tests/src/files/red.png", import.meta.url)));

const image = { name: "red.png", mimeType: "image/png", buffer: RED };
const notes = {
  name: "notes.txt",
  mimeType: "text/plain",
  buffer: Buffer.from("First line\nmore"),
};

/** Dispatches an event with a file, as pasting or dropping a file does. */
const dispatch = (target, type, name) =>
  target.evaluate(
    (element, [kind, fileName]) => {
      const data = new DataTransfer();
      data.items.add(new File(["some text"], fileName, { type: "text/plain" }));
      const options = { bubbles: true, cancelable: true };
      const event =
        kind === "paste"
          ? new ClipboardEvent(kind, { ...options, clipboardData: data })
          : new DragEvent(kind, { ...options, dataTransfer: data });
      element.dispatchEvent(event);
    },
    [type, name],
  );

test("files are attached, kept across a reload, sent, and shown", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/new");
    await attach(page, image, notes);
    await uploaded(page, "red.png").waitFor();
    await uploaded(page, "notes.txt").waitFor();

    await page.reload();
    await uploaded(page, "red.png").waitFor();
    assert.equal(await pending(page).count(), 2);
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.waitForURL(/\/chat\//);

    await answered(page).waitFor({ timeout: ANSWER_MS });
    await thread(page).getByText("Its average color is #ff0000.").waitFor();
    await thread(page).getByText("with 2 lines and 3 words").waitFor();
    assert.equal(await pending(page).count(), 0);
    const picture = thread(page).getByRole("img", { name: "red.png" });
    await page.waitForFunction(
      (shown) => shown.complete && shown.naturalWidth > 0,
      await picture.elementHandle(),
    );
    const download = page.waitForEvent("download");
    await thread(page).getByRole("link", { name: "Download notes.txt" }).click();
    assert.equal(readFileSync(await (await download).path(), "utf8"), "First line\nmore");
    await page.reload();
    await picture.waitFor();
  });
});

test("files are pasted, dropped, and removed", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    await dispatch(composer(page), "paste", "pasted.txt");
    await uploaded(page, "pasted.txt").waitFor();
    await dispatch(thread(page), "dragover", "dropped.txt");
    await page.getByText("Drop files to attach them").waitFor();
    await dispatch(thread(page), "drop", "dropped.txt");
    await uploaded(page, "dropped.txt").waitFor();
    await page.getByText("Drop files to attach them").waitFor({ state: "detached" });

    await page.getByRole("button", { name: "Remove pasted.txt" }).click();
    await uploaded(page, "pasted.txt").waitFor({ state: "detached" });
    await send(page, "/echo with a file");
    await thread(page).getByRole("link", { name: "Download dropped.txt" }).waitFor();
    await thread(page).getByText("with a file", { exact: true }).waitFor();
    assert.equal(await thread(page).getByRole("link", { name: "Download pasted.txt" }).count(), 0);
  });
});

test("a failed upload is shown and can be repeated", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/new");
    await composer(page).waitFor();
    await page.route("**/v1/attachments*", (route) => route.abort());
    await attach(page, notes);
    await pending(page).getByText("Waiting for a connection").waitFor();
    await composer(page).fill("Look");
    await page.unroute("**/v1/attachments*");

    await page.getByRole("button", { name: "Upload notes.txt again" }).click();
    await pending(page).getByText("15 bytes").waitFor();
    await page.getByRole("button", { name: "Send", exact: true }).click();

    await thread(page).getByRole("link", { name: "Download notes.txt" }).waitFor();
  });
});

test("a file that is too large is refused", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await page.goto("/new");
      await composer(page).waitFor();
      await attach(page, { ...notes, name: "large.txt", buffer: Buffer.alloc(2000, "x") });
      await pending(page).getByText("This file is too large.").waitFor();
      await page.getByRole("button", { name: "Remove large.txt" }).click();
      await pending(page).waitFor({ state: "detached" });
    },
    { environment: () => ({ ATTACHMENT_MAX_BYTES: "1000" }) },
  );
});

test("the files of an answer are shown below its text", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await page.goto("/new");
    await attach(page, image, notes);
    await uploaded(page, "red.png").waitFor();
    await uploaded(page, "notes.txt").waitFor();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.waitForURL(/\/chat\//);
    await answered(page).waitFor({ timeout: ANSWER_MS });
    // The agent returns the files that it has received.
    const { pathname } = new URL(page.url());
    await page.route(`**/v1${pathname}*`, async (route) => {
      const response = await route.fetch();
      const chat = await response.json();
      const [message, answer] = chat.messages;
      answer.attachments = message.attachments;
      message.attachments = [];
      await route.fulfill({ response, json: chat });
    });
    await page.reload();

    const answer = finished(page).first();
    const card = answer.getByRole("link", { name: "Download notes.txt" });
    await card.waitFor();
    const [text, file] = await Promise.all([
      answer.getByText("with 2 lines and 3 words").boundingBox(),
      card.boundingBox(),
    ]);
    assert.ok(file.y > text.y && file.x < text.x + 40, "below the text, on the agent’s side");
    await answer.getByRole("link", { name: "red.png" }).click();
    await page.getByRole("dialog").getByRole("img", { name: "red.png" }).waitFor();
    await page.keyboard.press("Escape");
    assert.deepEqual(await findAll(page), []);
  });
});

test("a phone can offer the camera, the photos, and other files", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await page.goto("/new");
      const chooser = page.waitForEvent("filechooser");
      await page.getByRole("button", { name: "Attach files" }).tap();
      const input = (await chooser).element();
      assert.ok((await chooser).isMultiple());
      assert.equal(await input.getAttribute("accept"), null);
      assert.equal(await input.getAttribute("capture"), null);
    },
    { context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } },
  );
});

test("the files in the draft of a deleted chat are removed", TIMEOUT, async () => {
  await withTestApp(async ({ page, server }) => {
    const attachInNewChat = async () => {
      await startChat(page, "/echo hello");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      await attach(page, notes);
      await uploaded(page, "notes.txt").waitFor();
      return new URL(page.url()).pathname;
    };
    const storedFiles = () => Object.keys(localStorage).filter((key) => /^banter.files/.test(key));
    const removed = () =>
      page.waitForFunction(
        () => !Object.keys(localStorage).some((key) => /^banter.files/.test(key)),
      );

    await attachInNewChat();
    assert.equal((await page.evaluate(storedFiles)).length, 1);
    const deletion = page.waitForRequest(
      (request) => request.method() === "DELETE" && request.url().includes("/v1/attachments/"),
    );
    await chooseFromMenu(page, "Delete");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await removed();
    await deletion;

    const path = await attachInNewChat();
    await server.direct(`/v1${path}?permanent=true`, { method: "DELETE" });
    await removed();
  });
});

test("the files of a queued message are shown while it is edited, and kept", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await startChat(page, "/slow 600");
      await live(page).waitFor({ timeout: ANSWER_MS });
      await attach(page, image, notes);
      await uploaded(page, "red.png").waitFor();
      await uploaded(page, "notes.txt").waitFor();
      await send(page, "/echo with files");
      await thread(page).getByText("Queued #1").waitFor();

      await thread(page).getByRole("button", { name: "Edit" }).click();
      const field = page.getByRole("textbox", { name: "Edit queued message" });
      await field.waitFor();
      await thread(page).getByText("You can edit only the text.").waitFor();
      await thread(page).getByRole("img", { name: "red.png" }).waitFor();
      assert.deepEqual(await findAll(page), []);
      await field.fill("/echo changed");
      await field.press("Enter");

      await thread(page).getByText("/echo changed", { exact: true }).waitFor();
      await thread(page).getByText("You can edit only the text.").waitFor({ state: "detached" });
      await thread(page).getByRole("link", { name: "Download notes.txt" }).waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
    },
    { context: { reducedMotion: "reduce" }, timeLimit: 90_000 },
  );
});

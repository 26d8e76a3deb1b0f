import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ask,
  diff,
  gate,
  output,
  plan,
  repeat,
  say,
  scripted,
  startTool,
  think,
  updateTool,
  withScriptedAgent,
} from "./acp-agent.mjs";
import { ANSWER_MS, answered, focused, retryButtons, startChatWith, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

const planBar = (page) => page.getByRole("region", { name: "Plan" });
/** A step with content, by its title. */
const step = (page, title) => thread(page).locator("details details", { hasText: title });
const expand = (page, title) => thread(page).locator("summary", { hasText: title }).last().click();
const lines = (count) =>
  Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join("");

test("the plan is pinned above the composer until the turn ends", TIMEOUT, async () => {
  const entries = (first, second) => plan(["Read the notes", first], ["Run the tests", second]);
  const { environment, openGate } = withScriptedAgent([
    entries("in_progress", "pending"),
    gate("second"),
    entries("completed", "in_progress"),
    gate("end"),
    say("All tests pass."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      await planBar(page).getByText("1/2 · Read the notes").waitFor({ timeout: ANSWER_MS });

      await planBar(page).getByRole("button").focus();
      await page.keyboard.press("Enter");
      await planBar(page).getByText("Run the tests (to do)").waitFor();
      openGate("second");

      await planBar(page).getByText("2/2 · Run the tests").waitFor();
      await planBar(page).getByText("Read the notes (done)").waitFor();
      const [bar, field] = await Promise.all([
        planBar(page).boundingBox(),
        page.getByRole("textbox", { name: "Message" }).boundingBox(),
      ]);
      assert.ok(bar.y + bar.height <= field.y, JSON.stringify({ bar, field }));
      openGate("end");

      await answered(page).waitFor({ timeout: ANSWER_MS });
      await planBar(page).waitFor({ state: "detached" });
    },
    { environment },
  );
});

test("a change to a file is shown as a diff, also in the permission card", TIMEOUT, async () => {
  const before = lines(81);
  const after = before.replace("line 40\n", "line forty\n");
  const content = [diff("/work/notes.txt", before, after)];
  const { environment } = withScriptedAgent([
    ask({ toolCallId: "edit", title: "Edit notes.txt", kind: "edit", content }, undefined, {
      allow: [updateTool("edit"), say("Changed.")],
    }),
  ]);
  const shown = async (place) => {
    const change = place.getByRole("group", { name: "Changes to /work/notes.txt" });
    await change.getByText("36 unchanged lines").waitFor();
    await change.getByText("1 addition, 1 deletion").waitFor();
    const changed = change.locator(".diff-line");
    assert.deepEqual(await changed.allTextContents(), [
      "line 37",
      "line 38",
      "line 39",
      "Deleted: line 40",
      "Added: line forty",
      "line 41",
      "line 42",
      "line 43",
    ]);
    assert.deepEqual(await change.locator(".diff-word").allTextContents(), ["40", "forty"]);
    return change;
  };
  await withTestApp(
    async ({ page, context }) => {
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      await startChatWith(page, scripted, "Go");
      const card = page.getByRole("group", { name: "Permission request" });
      await shown(card);
      assert.equal(await card.getByText("Expires").count(), 0);

      await card.getByRole("button", { name: "Allow" }).click();

      await answered(page).waitFor({ timeout: ANSWER_MS });
      await page.reload();
      await expand(page, "2 steps");
      await expand(page, "Edit notes.txt");
      const change = await shown(step(page, "Edit notes.txt"));
      await change.getByRole("button", { name: "Copy" }).click();
      await change.getByText("Copied").waitFor();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      assert.ok(copied.includes("@@ -37,7 +37,7 @@\n line 37\n"), copied);
    },
    { environment },
  );
});

test("a long diff is expanded without blocking the page", TIMEOUT, async () => {
  const { environment } = withScriptedAgent([
    startTool("create", "Create notes.txt", { kind: "edit" }),
    updateTool("create", { content: [diff("notes.txt", null, lines(2000))] }),
    say("Created."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      await expand(page, "1 step");
      const shown = thread(page).locator(".diff-line");
      await shown.first().waitFor();
      assert.equal(await shown.count(), 40);

      await thread(page).getByRole("button", { name: "Show all 2,000 lines" }).click();

      await thread(page).getByText("line 2000").waitFor();
      assert.equal(await shown.count(), 2000);
    },
    { environment },
  );
});

test("a thought without other steps has one heading", TIMEOUT, async () => {
  const { environment, openGate } = withScriptedAgent([
    think("I should **greet** the user."),
    gate("answer"),
    say("Hello."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      const heading = thread(page).locator("summary");
      await heading.getByText("Thought", { exact: true }).waitFor({ timeout: ANSWER_MS });
      openGate("answer");
      await answered(page).waitFor({ timeout: ANSWER_MS });
      assert.match(await heading.textContent(), /^Thought( for \d+ s)?$/);
      assert.equal(await thread(page).getByText("1 step").count(), 0);

      await heading.click();
      await thread(page).locator("strong", { hasText: "greet" }).waitFor();
      assert.equal(
        await thread(page)
          .getByText(/^Thought/)
          .count(),
        1,
        "headings",
      );
    },
    { environment },
  );
});

test("output of a running command follows its end unless scrolled up", TIMEOUT, async () => {
  const grow = (count) => [
    updateTool("run", { status: "in_progress", content: [output(lines(count))] }),
    gate(`after-${count}`),
  ];
  const { environment, openGate } = withScriptedAgent([
    startTool("run", "make", { kind: "execute" }),
    ...[100, 200, 300, 400].flatMap(grow),
    updateTool("run", { content: [output(lines(500))] }),
    say("Built."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      await thread(page).getByText("1 step").waitFor({ timeout: ANSWER_MS });
      await expand(page, "1 step");
      const box = thread(page).getByRole("group", { name: "Output" });
      /** Waits until the output has the line and is, or is not, scrolled to its end. */
      const follows = (count, isAtEnd) =>
        page.waitForFunction(
          ([line, expected]) => {
            const one = document.querySelector('[role="group"][aria-label="Output"]');
            const isDone = one?.textContent.endsWith(line);
            const rest = one ? one.scrollHeight - one.scrollTop - one.clientHeight : 0;
            return isDone && rest < 2 === expected;
          },
          [`line ${count}`, isAtEnd],
        );
      await follows(100, true);
      openGate("after-100");
      await follows(200, true);

      await box.hover();
      await page.mouse.wheel(0, -400);
      await follows(200, false);
      const top = await box.evaluate((one) => one.scrollTop);
      openGate("after-200");
      await follows(300, false);
      assert.equal(await box.evaluate((one) => one.scrollTop), top);

      await box.focus();
      await page.keyboard.press("End");
      await follows(300, true);
      openGate("after-300");
      await follows(400, true);
      openGate("after-400");

      await answered(page).waitFor({ timeout: ANSWER_MS });
      await follows(500, true);
    },
    { environment },
  );
});

test("failed steps are counted, and the command is shown once", TIMEOUT, async () => {
  const { environment } = withScriptedAgent([
    startTool("lint", "npm run lint", { kind: "execute", rawInput: { command: "npm run lint" } }),
    updateTool("lint", { status: "failed", content: [output("2 errors")] }),
    say("There are two errors."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      await answered(page).waitFor({ timeout: ANSWER_MS });

      await thread(page).getByText("1 step · ran 1 command · 1 failed").click();

      await thread(page).getByText("npm run lint · failed").waitFor();
      await thread(page).getByText("2 errors").waitFor();
      assert.equal(await thread(page).getByText("npm run lint").count(), 1);
    },
    { environment },
  );
});

test("a stopped step does not count as failed", TIMEOUT, async () => {
  const { environment } = withScriptedAgent([
    startTool("sleep", "sleep 60", { kind: "execute" }),
    gate("never"),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      await thread(page).getByText("Running: sleep 60").waitFor({ timeout: ANSWER_MS });

      await page.getByRole("button", { name: "Stop" }).click();

      await retryButtons(page).waitFor();
      await thread(page).getByText("1 step").click();
      await thread(page).getByText("sleep 60 · stopped").waitFor();
      assert.equal(await thread(page).getByText("failed").count(), 0);
    },
    { environment },
  );
});

test("the steps of a sub-agent are nested under the step that started it", TIMEOUT, async () => {
  const child = { _meta: { claudeCode: { parentToolUseId: "task" } } };
  const { environment } = withScriptedAgent([
    startTool("task", "Explore the code", { kind: "think" }),
    ...repeat(3, (index) => [
      startTool(`read-${index}`, `Read file ${index}`, { kind: "read", ...child }),
      updateTool(`read-${index}`, { ...child, status: index === 1 ? "failed" : "completed" }),
    ]),
    updateTool("task", { content: [output("Nothing found")] }),
    startTool("run", "make", { kind: "execute" }),
    updateTool("run"),
    say("Done."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      await answered(page).waitFor({ timeout: ANSWER_MS });

      await thread(page).getByText("2 steps").click();
      await thread(page).getByText("Explore the code · 3 steps · 1 failed").click();

      const nested = step(page, "Explore the code").getByRole("listitem");
      assert.deepEqual(await nested.allTextContents(), [
        "Read file 0",
        "Read file 1 · failed",
        "Read file 2",
      ]);
      await thread(page).getByText("Nothing found").waitFor();
    },
    { environment },
  );
});

test("a thought is shown as Markdown", TIMEOUT, async () => {
  const { environment, openGate } = withScriptedAgent([
    think("Where are the **notes**?"),
    gate("thought"),
    say("Here."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      const heading = thread(page).locator("summary").getByText("Thought", { exact: true });
      await heading.click({ timeout: ANSWER_MS });
      await thread(page).locator("strong", { hasText: "notes" }).waitFor();
      openGate("thought");

      await answered(page).waitFor({ timeout: ANSWER_MS });
      const title = thread(page).getByText(/^Thought( for \d+s)?$/);
      await title.first().waitFor();
      await thread(page).locator("strong", { hasText: "notes" }).waitFor();
    },
    { environment },
  );
});

test("the only step is expanded with its group and stays expanded", TIMEOUT, async () => {
  const { environment, openGate } = withScriptedAgent([
    startTool("read", "Read notes.txt", { kind: "read" }),
    updateTool("read", { content: [output("Buy milk")] }),
    gate("more"),
    startTool("run", "make", { kind: "execute" }),
    updateTool("run", { content: [output("Built")] }),
    gate("end"),
  ]);
  await withTestApp(
    async ({ page, context }) => {
      await startChatWith(page, scripted, "Go");
      await thread(page).getByText("1 step · read 1 file").waitFor({ timeout: ANSWER_MS });
      const other = await context.newPage();
      await other.goto(page.url());
      await thread(other).getByText("1 step · read 1 file").waitFor();
      await thread(page).getByText("1 step · read 1 file").click();
      await thread(page).getByText("Buy milk").waitFor();
      openGate("more");

      await thread(page).getByText("2 steps").waitFor();
      await thread(page).getByText("Buy milk").waitFor();
      assert.equal(await thread(page).getByText("Built").count(), 0);

      // In this tab, the group is opened after the second step has started.
      await thread(other).getByText("2 steps").click();
      await thread(other).getByText("Read notes.txt").waitFor();
      assert.equal(await thread(other).getByText("Buy milk").count(), 0);
      openGate("end");
    },
    { environment },
  );
});

test("expanded steps and the focus are kept when the turn ends", TIMEOUT, async () => {
  const { environment, openGate } = withScriptedAgent([
    startTool("read", "Read notes.txt", { kind: "read" }),
    updateTool("read", { content: [output("Buy milk")] }),
    startTool("run", "make", { kind: "execute" }),
    updateTool("run", { content: [output("Built")] }),
    gate("end"),
    say("Done."),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Go");
      await thread(page).getByText("2 steps").click({ timeout: ANSWER_MS });
      const summary = thread(page).locator("summary", { hasText: "Read notes.txt" }).last();
      await summary.waitFor();
      await summary.press("Enter");
      await thread(page).getByText("Buy milk").waitFor();
      openGate("end");

      await answered(page).waitFor({ timeout: ANSWER_MS });

      await focused(page, summary);
      await thread(page).getByText("Buy milk").waitFor();
      assert.equal(await thread(page).getByText("Built").count(), 0);
    },
    { environment },
  );
});

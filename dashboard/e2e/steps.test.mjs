import { test } from "node:test";
import {
  ask,
  gate,
  plan,
  say,
  scripted,
  startTool,
  think,
  updateTool,
  withScriptedAgent,
} from "./acp-agent.mjs";
import { ANSWER_MS, answered, startChatWith, thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

test("the steps of a scripted turn are shown while it runs and afterward", TIMEOUT, async () => {
  const { environment, openGate } = withScriptedAgent([
    plan(["Read", "in_progress"], ["Write", "pending"]),
    think("Where are the notes?"),
    startTool("read", "Read notes.txt", { kind: "read" }),
    gate("read"),
    updateTool("read"),
    ask({ toolCallId: "write", title: "Write notes.txt" }, undefined, {
      allow: [updateTool("write"), say("The notes are written.")],
    }),
  ]);
  await withTestApp(
    async ({ page }) => {
      await startChatWith(page, scripted, "Write the notes");
      await thread(page).getByText("Running: Read notes.txt").waitFor({ timeout: ANSWER_MS });
      openGate("read");

      await page.getByRole("button", { name: "Allow" }).click();

      await thread(page).getByText("The notes are written.").waitFor();
      await answered(page).waitFor();
      await page.reload();
      await thread(page).getByText("5 steps").waitFor();
    },
    { environment },
  );
});

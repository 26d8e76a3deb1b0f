/** Actions that several scenes use. */
import { composer, thread } from "../chat.mjs";

/** Opens a chat and waits for its thread. */
export async function openChat(page, path) {
  await page.goto(path);
  await thread(page).waitFor();
}

/** Sends a message by clicking the button, because Enter inserts a line break on a phone. */
export async function sendWithButton(page, text) {
  await composer(page).fill(text);
  await page.getByRole("button", { name: /^(Send|Queue message)$/ }).click();
}

/** Expands all steps in the thread. The content of a group is rendered when it is expanded. */
export async function expandSteps(page) {
  await thread(page).locator("summary").first().waitFor();
  await page.waitForFunction(() => {
    const all = [...document.querySelectorAll('[role="log"] details')];
    const closed = all.filter((one) => !one.open);
    for (const one of closed) one.open = true;
    const groups = all.filter((one) => one.dataset.step?.endsWith("/group"));
    return (
      closed.length === 0 &&
      groups.every((group) => group.querySelector("li, [role=group]") !== null)
    );
  });
}

export const isPhone = (page) => (page.viewportSize()?.width ?? 0) < 768;

/** Undoes the changes made by a scene. */
export async function leave(page) {
  await page.context().setOffline(false);
  const cancel = page.getByRole("button", { name: "Cancel" });
  if (await cancel.isVisible()) await cancel.click();
  const discard = page.getByRole("main").getByRole("button", { name: "Discard" });
  if (await discard.isVisible()) await discard.click();
  const remove = thread(page).getByRole("button", { name: "Remove" });
  while ((await remove.count()) > 0) {
    const left = await remove.count();
    await remove.last().click();
    await page.waitForFunction(
      (most) =>
        [...document.querySelectorAll('[role="log"] button')].filter(
          (one) => one.textContent === "Remove",
        ).length < most,
      left,
    );
  }
  const dismiss = page.getByRole("main").getByRole("button", { name: "Dismiss" });
  if (await dismiss.isVisible()) await dismiss.click();
  const undo = page.getByRole("button", { name: "Undo" });
  if (await undo.isVisible()) await undo.click();
  // The button appears some time after the window has become wide enough for a sidebar.
  const isHidden = await page.evaluate(
    () => JSON.parse(localStorage.getItem("banter.preferences") ?? "{}").isSidebarHidden === true,
  );
  if (isHidden && !isPhone(page)) await page.getByRole("button", { name: "Show sidebar" }).click();
  await stopTurns(page);
}

/**
 * Stops the running turn of the open chat and the turns of the demo agent, through the api, because
 * they may end before a click on Stop.
 */
async function stopTurns(page) {
  const { pathname } = new URL(page.url());
  for (;;) {
    const { items } = await (await page.request.get("/v1/chat?status=all&limit=100")).json();
    const running = items.filter(
      ({ id, agent_key, active_task }) =>
        active_task && (agent_key === "demo" || pathname === `/chat/${id}`),
    );
    if (running.length === 0) return;
    for (const { id, active_task } of running)
      await page.request.post(`/v1/chat/${id}/tasks/${active_task.id}/cancel`);
  }
}

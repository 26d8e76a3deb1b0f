/** Actions on the versions of a message. The thread changes when the server's events arrive. */
import { client } from "@/api/client";
import type { Message } from "@/api/models";
import { reportFailure } from "@/components/report-failure";
import { store, useStore } from "@/stream/store";
import { listTurns } from "@/stream/turns";
import { goTo } from "../scroll/navigation";

/** How long to wait for the events of a switch before the thread stays where it is. */
const EVENTS_LIMIT_MS = 5000;

/** Returns whether a task of the chat is queued or running, so that its branch cannot change. */
export function useIsBranchFixed(sessionId: string): boolean {
  return useStore(({ sessions }) => {
    const session = sessions[sessionId]?.value;
    return !session || session.active_task !== null || session.queued_count > 0;
  });
}

/**
 * Sends a new version of a message, or the same message again. Returns false if that failed, which
 * is reported. `key` identifies the request if it is repeated.
 */
export async function reviseMessage(
  message: Message,
  body: { content?: string; attachments?: string[] },
  key: string,
): Promise<boolean> {
  try {
    await client.POST("/v1/chat/{id}/messages/{mid}/revise", {
      params: {
        path: { id: message.chat_session_id, mid: message.id },
        header: { "Idempotency-Key": key },
      },
      body,
    });
  } catch (error) {
    reportFailure(error);
    return false;
  }
  goTo({ kind: "end" });
  return true;
}

/**
 * Switches to another version of a message. `row` is the element of the message's turn: the new
 * version appears at the same place on the screen.
 */
export async function switchVersion(
  message: Message,
  index: number,
  row: Element | null,
): Promise<void> {
  const { id, chat_session_id: sessionId } = message;
  const before = turnsOf(sessionId).findLast(({ turn }) => turn < message.turn)?.turn ?? 0;
  const leaving = new Set(
    turnsOf(sessionId)
      .map(({ turn }) => turn)
      .filter((turn) => turn >= message.turn),
  );
  const view = row?.closest<HTMLElement>('[role="log"]');
  const focused = row?.contains(document.activeElement) ? document.activeElement : null;
  const offset =
    row && view ? row.getBoundingClientRect().top - view.getBoundingClientRect().top : null;
  try {
    await client.POST("/v1/chat/{id}/branch", {
      params: { path: { id: sessionId } },
      body: { message_id: id, index },
    });
  } catch (error) {
    return reportFailure(error);
  }
  if (offset === null) return;
  const turn = await findJoined(sessionId, before, leaving);
  if (turn === null) return;
  goTo({ kind: "turn", turn, offset });
  if (view && focused) restoreFocus(view, turn, focused);
}

/** How long to wait until the buttons of the new version are shown. */
const FOCUS_LIMIT_MS = 2000;

/** Moves the focus to the button that replaces `focused`, unless the user has moved it. */
function restoreFocus(view: HTMLElement, turn: number, focused: Element): void {
  const limit = performance.now() + FOCUS_LIMIT_MS;
  const label = focused.getAttribute("aria-label") ?? "";
  let known = focused;
  const check = () => {
    const active = document.activeElement;
    if (active !== document.body && active !== known) return;
    const button = view.querySelector<HTMLElement>(
      `[data-turn="${turn}"] [data-versions] [aria-label="${CSS.escape(label)}"]`,
    );
    if (button && button !== active) {
      button.focus({ preventScroll: true });
      known = button;
    }
    // The thread may render the row again.
    if (performance.now() < limit) requestAnimationFrame(check);
  };
  check();
}

function turnsOf(sessionId: string) {
  return listTurns(store.getState().threads[sessionId]?.messages ?? {});
}

/**
 * Waits until the turns of one branch have left the thread and those of another have joined it.
 * Returns the first one after the turn `before`, or null if that takes too long.
 */
function findJoined(
  sessionId: string,
  before: number,
  leaving: ReadonlySet<number>,
): Promise<number | null> {
  const find = () => {
    const turns = turnsOf(sessionId).map(({ turn }) => turn);
    if (turns.some((turn) => leaving.has(turn))) return null;
    return turns.find((turn) => turn > before) ?? null;
  };
  return new Promise((resolve) => {
    const end = (turn: number | null) => {
      clearTimeout(timer);
      stop();
      resolve(turn);
    };
    const timer = setTimeout(() => end(null), EVENTS_LIMIT_MS);
    const check = () => {
      const turn = find();
      if (turn !== null) end(turn);
    };
    const stop = store.subscribe(check);
    check();
  });
}

/** Shows desktop notifications about answers and permission requests while all tabs are hidden. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { readPreferences } from "@/preferences";
import type { StreamEvent } from "@/stream/events";
import { isLeading } from "@/stream/shared-connection";
import { store } from "@/stream/store";
import { onStreamEvent } from "@/stream/use-connection";
import { toLine, toPlainText } from "@/terminal/screen";
import { texts } from "@/texts";
import { explainEnding } from "@/texts/explain";

/** The name of a shared Web Lock that every visible tab holds. */
const LOCK = "banter-visible";
/** The maximum length of a notification's text, in UTF-16 code units. */
const MAX_LENGTH = 160;

/**
 * Returns the text of the notification for an event, or null if the event needs no notification.
 */
function describe(event: StreamEvent): string | null {
  if (event.type === "message.created" && event.message.role === "assistant")
    return event.message.seq > event.session.last_read_seq
      ? toPlainText(event.message.content) || explainEnding(event.message, [])
      : null;
  const isRequest =
    event.type === "task.step" &&
    event.step.kind === "permission" &&
    event.step.status === "pending";
  return isRequest ? texts.notifications.permission(toLine(event.step.title)) : null;
}

async function isAnyTabVisible(): Promise<boolean> {
  if (document.visibilityState === "visible") return true;
  const { held } = await navigator.locks.query();
  return held?.some(({ name }) => name === LOCK) ?? false;
}

/** Holds the lock while this tab is visible, until the returned function is called. */
function holdVisibilityLock(): () => void {
  let release = () => {};
  const end = new AbortController();
  function update() {
    release();
    release = () => {};
    if (end.signal.aborted || document.visibilityState === "hidden") return;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    void navigator.locks.request(LOCK, { mode: "shared" }, () => held);
  }
  update();
  document.addEventListener("visibilitychange", update);
  return () => {
    end.abort();
    document.removeEventListener("visibilitychange", update);
    update();
  };
}

/**
 * Shows a notification. Returns null if the browser does not let pages create notifications, as on
 * Android.
 */
function show(sessionId: string, text: string): Notification | null {
  const title = store.getState().sessions[sessionId]?.value?.title || texts.app.name;
  try {
    return new Notification(title, {
      body: text.slice(0, MAX_LENGTH),
      tag: sessionId,
      icon: "/favicon.svg",
    });
  } catch {
    return null;
  }
}

/**
 * Permission requests that have already been handled, because the stream sends open requests again
 * after each reconnect.
 */
const notified = new Set<string>();

function isNews(event: StreamEvent): boolean {
  if (event.type !== "task.step") return true;
  const { task_id, attempt, step } = event;
  const name = `${task_id} ${attempt} ${step.seq}`;
  if (notified.has(name)) return false;
  notified.add(name);
  return true;
}

export function useNotifications(): void {
  const navigate = useNavigate();
  useEffect(() => {
    if (!("locks" in navigator) || !("Notification" in window)) return;
    const hide = holdVisibilityLock();
    const stop = onStreamEvent(async (event) => {
      const text = describe(event);
      const isWanted = readPreferences().hasNotifications && Notification.permission === "granted";
      if (text === null || !isNews(event) || !isWanted || !isLeading() || (await isAnyTabVisible()))
        return;
      const sessionId = "chat_session_id" in event ? event.chat_session_id : "";
      const notification = show(sessionId, text);
      if (!notification) return;
      notification.onclick = () => {
        window.focus();
        void navigate({ to: "/chat/$sessionId", params: { sessionId } });
        notification.close();
      };
    });
    return () => {
      stop();
      hide();
    };
  }, [navigate]);
}

/** Tells the desktop about an answer or a question for permission, while no tab is looked at. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { readPreferences } from "@/preferences";
import type { StreamEvent } from "@/stream/events";
import { isLeading } from "@/stream/shared";
import { store } from "@/stream/store";
import { onStreamEvent } from "@/stream/use-connection";
import { texts } from "@/texts";

/** Held, shared, by every tab that is visible. */
const LOCK = "banter-visible";
/** A notification is a glance, not the whole answer. */
const MAX_LENGTH = 160;

/** What there is to say about the event, if anything. */
function describe(event: StreamEvent): string | null {
  if (event.type === "message.created" && event.message.role === "assistant")
    return event.message.seq > event.session.last_read_seq ? event.message.content : null;
  const isQuestion =
    event.type === "task.step" &&
    event.step.kind === "permission" &&
    event.step.status === "pending";
  return isQuestion ? texts.notifications.permission(event.step.title) : null;
}

async function isAnyTabVisible(): Promise<boolean> {
  if (document.visibilityState === "visible") return true;
  const { held } = await navigator.locks.query();
  return held?.some(({ name }) => name === LOCK) ?? false;
}

/** Holds the lock while this tab is visible. */
function showVisibility(): () => void {
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

export function useNotifications(): void {
  const navigate = useNavigate();
  useEffect(() => {
    if (!("locks" in navigator) || !("Notification" in window)) return;
    const hide = showVisibility();
    const stop = onStreamEvent(async (event) => {
      const text = describe(event);
      const isWanted = readPreferences().hasNotifications && Notification.permission === "granted";
      if (text === null || !isWanted || !isLeading() || (await isAnyTabVisible())) return;
      const sessionId = "chat_session_id" in event ? event.chat_session_id : "";
      const title = store.getState().sessions[sessionId]?.value?.title || texts.app.name;
      const notification = new Notification(title, {
        body: text.slice(0, MAX_LENGTH),
        tag: sessionId,
        icon: "/favicon.svg",
      });
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

/**
 * Shows desktop notifications about answers, permission requests, and failures while all tabs are
 * hidden.
 */
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { fetchSession } from "@/features/sessions/use-open-requests";
import { readPreferences } from "@/preferences";
import { isLeading } from "@/stream/shared-connection";
import { store } from "@/stream/store";
import { onStreamEvent } from "@/stream/use-connection";
import { texts } from "@/texts";
import { describeNews, type News } from "./news";

/** The name of a shared Web Lock that every visible tab holds. */
const LOCK = "banter-visible";

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
function show(sessionId: string, { body, isRequest }: News): Notification | null {
  const title = store.getState().sessions[sessionId]?.value?.title || texts.app.name;
  const options: NotificationOptions & { renotify: boolean } = {
    body,
    tag: sessionId,
    icon: "/favicon.svg",
    // It replaces the session's previous notification, but must not do so silently.
    renotify: true,
    // The agent waits, so the notification stays.
    requireInteraction: isRequest,
  };
  try {
    return new Notification(title, options);
  } catch {
    return null;
  }
}

export function useNotifications(): void {
  const navigate = useNavigate();
  useEffect(() => {
    if (!("locks" in navigator) || !("Notification" in window)) return;
    const hide = holdVisibilityLock();
    const shown = new Set<string>();
    const stop = onStreamEvent(async (event) => {
      const news = describeNews(event);
      if (!news || shown.has(news.id)) return;
      shown.add(news.id);
      const isWanted = readPreferences().hasNotifications && Notification.permission === "granted";
      if (!isWanted || !isLeading() || (await isAnyTabVisible())) return;
      const { sessionId } = news;
      // Without the title, the notification still says what happened.
      if (!store.getState().sessions[sessionId]) await fetchSession(sessionId).catch(() => {});
      const notification = show(sessionId, news);
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

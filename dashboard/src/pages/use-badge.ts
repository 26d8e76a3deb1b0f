/** Shows the number of unread messages in the browser tab's title and icon. */
import { useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { useUnreadSessions } from "@/features/sessions/use-session-list";
import { countUnread } from "@/stream/session-order";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";

const MAX_SHOWN = 9;

function drawIcon(unread: number): string {
  const count = unread > MAX_SHOWN ? `${MAX_SHOWN}+` : unread;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="9" fill="#4f46e5"/>
<circle cx="21" cy="21" r="11" fill="#c2410c"/>
<text x="21" y="26" font-family="sans-serif" font-size="14" font-weight="700" text-anchor="middle" fill="#fff">${count}</text>
</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

export function useBadge(): void {
  useUnreadSessions();
  const unread = useStore((state) => countUnread(state.sessions));
  const { sessionId } = useParams({ strict: false });
  const title = useStore((state) => state.sessions[sessionId ?? ""]?.value?.title);
  useEffect(() => {
    const name = title ? `${title} · ${texts.app.name}` : texts.app.name;
    document.title = unread > 0 ? `(${unread}) ${name}` : name;
  }, [unread, title]);
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (link) link.href = unread > 0 ? drawIcon(unread) : "/favicon.svg";
  }, [unread]);
}

/**
 * Shows the number of unread messages in the browser tab's title and icon, and on the icon of the
 * installed app. An exclamation mark shows that a permission request is open or a turn has failed.
 */
import { useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { useUnknownRequesters } from "@/features/sessions/use-open-requests";
import { useUnreadSessions } from "@/features/sessions/use-session-list";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";
import { type Attention, useAttention } from "./use-attention";

const MAX_SHOWN = 9;
const colors = { unread: "#c2410c", called: "#b91c1c" } as const;

function drawIcon({ unread, isCalled }: Attention): string {
  // There is no space for both in a tab. The title shows the number.
  const text = isCalled ? "!" : unread > MAX_SHOWN ? `${MAX_SHOWN}+` : unread;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="9" fill="#4f46e5"/>
<circle cx="21" cy="21" r="11" fill="${isCalled ? colors.called : colors.unread}"/>
<text x="21" y="26" font-family="sans-serif" font-size="14" font-weight="700" text-anchor="middle" fill="#fff">${text}</text>
</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Returns what precedes the title, such as "(2) " for two unread answers or "(2!) ". */
function formatPrefix({ unread, isCalled }: Attention): string {
  const mark = `${unread > 0 ? unread : ""}${isCalled ? "!" : ""}`;
  return mark && `(${mark}) `;
}

/** Sets the badge on the icon of the installed app. A badge without a number is a dot. */
async function setAppBadge({ unread, isCalled }: Attention): Promise<void> {
  if (!("setAppBadge" in navigator)) return;
  try {
    if (unread > 0) await navigator.setAppBadge(unread);
    else if (isCalled) await navigator.setAppBadge();
    else await navigator.clearAppBadge();
  } catch {
    // The page is not installed, or the browser does not permit badges.
  }
}

export function useBadge(): void {
  useUnreadSessions();
  useUnknownRequesters();
  const { unread, isCalled } = useAttention();
  const { sessionId } = useParams({ strict: false });
  const title = useStore((state) => state.sessions[sessionId ?? ""]?.value?.title);
  useEffect(() => {
    const name = title ? `${title} · ${texts.app.name}` : texts.app.name;
    document.title = formatPrefix({ unread, isCalled }) + name;
  }, [unread, isCalled, title]);
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    void setAppBadge({ unread, isCalled });
    if (link) link.href = unread > 0 || isCalled ? drawIcon({ unread, isCalled }) : "/favicon.svg";
  }, [unread, isCalled]);
}

import { PanelLeftOpen, Search } from "lucide-react";
import { useLayoutEffect, useRef } from "react";
import { IconButton } from "@/components/ui/button";
import { NewChatLink } from "@/features/sessions/sidebar-header";
import { formatKeys } from "@/keyboard";
import { changePreferences } from "@/preferences";
import { texts } from "@/texts";
import { useAttention } from "./use-attention";

/** Replaces the hidden sidebar: shows it again, opens the palette, and starts a new chat. */
export function SidebarRail(props: { onPalette: () => void }) {
  const { unread, isCalled } = useAttention();
  const button = useRef<HTMLButtonElement>(null);
  // The button that hid the sidebar had the focus and is hidden now.
  useLayoutEffect(() => {
    const focused = document.activeElement;
    if (focused === document.body || focused?.closest("[data-sidebar]")) button.current?.focus();
  }, []);
  return (
    <nav
      aria-label={texts.sidebar.rail}
      className="hidden flex-col items-center gap-2 border-line border-e bg-side pt-[max(14px,env(safe-area-inset-top))] md:flex"
    >
      <span className="relative">
        <IconButton
          ref={button}
          label={texts.sidebar.show}
          title={`${texts.sidebar.show} (${formatKeys("Mod", "\\")})`}
          onClick={() => changePreferences({ isSidebarHidden: false })}
        >
          <PanelLeftOpen size={17} strokeWidth={1.9} className="rtl:-scale-x-100" />
        </IconButton>
        {(unread > 0 || isCalled) && (
          <span
            className={`pointer-events-none absolute -end-0.5 -top-0.5 grid h-4 min-w-4 place-items-center rounded-full px-1 font-[650] text-[11px] leading-none tabular-nums ${isCalled ? "bg-bad text-bg" : "bg-accent text-accent-ink"}`}
          >
            <span aria-hidden="true">{isCalled ? "!" : unread > 99 ? "99+" : unread}</span>
            <span className="sr-only">
              {isCalled ? texts.sidebar.attention : texts.sessions.unread(unread)}
            </span>
          </span>
        )}
      </span>
      <IconButton
        label={texts.palette.title}
        title={`${texts.palette.title} (${formatKeys("Mod", "K")})`}
        onClick={props.onPalette}
      >
        <Search size={17} strokeWidth={1.9} />
      </IconButton>
      <NewChatLink />
    </nav>
  );
}

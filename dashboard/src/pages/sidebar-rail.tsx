import { useParams } from "@tanstack/react-router";
import { PanelLeftOpen, Search } from "lucide-react";
import { useLayoutEffect, useRef } from "react";
import { IconButton } from "@/components/ui/button";
import { NewChatLink } from "@/features/sessions/sidebar-header";
import { formatKeys } from "@/keyboard";
import { changePreferences } from "@/preferences";
import { texts } from "@/texts";
import { AttentionBadge } from "./attention-badge";

/** Replaces the hidden sidebar: shows it again, opens the palette, and starts a new chat. */
export function SidebarRail(props: { onPalette: () => void }) {
  const { sessionId } = useParams({ strict: false });
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
        <AttentionBadge except={sessionId} />
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

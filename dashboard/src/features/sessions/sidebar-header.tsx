import { Link } from "@tanstack/react-router";
import { Archive, PanelLeftClose, Plus, Settings } from "lucide-react";
import { RequireWriteAccess } from "@/components/require-write-access";
import { IconButton } from "@/components/ui/button";
import { formatKeys } from "@/keyboard";
import { changePreferences } from "@/preferences";
import { texts } from "@/texts";

const icon = { size: 17, strokeWidth: 1.9 };

/** The link that starts a new chat. Users who may not write do not see it. */
export function NewChatLink() {
  return (
    <RequireWriteAccess>
      <Link
        to="/new"
        aria-label={texts.sessions.newChat}
        title={`${texts.sessions.newChat} (${formatKeys("Mod", "Shift", "O")})`}
        className="grid size-9 shrink-0 place-items-center rounded-[10px] border border-transparent bg-accent pointer-coarse:size-10 text-accent-ink transition-[background-color,transform] duration-150 hover:bg-accent-strong active:scale-[0.97]"
      >
        <Plus size={18} strokeWidth={2.2} />
      </Link>
    </RequireWriteAccess>
  );
}

/** The name of the app, and the buttons that concern the whole list. */
export function SidebarHeader(props: {
  isArchive: boolean;
  onSwitch: () => void;
  onSettings: () => void;
}) {
  const { isArchive } = props;
  return (
    <>
      <h1 className="min-w-0 flex-1 truncate font-[650] text-[18px] tracking-[-0.02em]">
        <Link to="/" className="tap rounded">
          {texts.app.name}
        </Link>
      </h1>
      <IconButton
        label={isArchive ? texts.sessions.showActive : texts.sessions.showArchived}
        aria-pressed={isArchive}
        onClick={props.onSwitch}
        className={isArchive ? "bg-hover text-ink" : ""}
      >
        <Archive {...icon} />
      </IconButton>
      <IconButton label={texts.settings.title} onClick={props.onSettings}>
        <Settings {...icon} />
      </IconButton>
      <IconButton
        label={texts.sidebar.hide}
        title={`${texts.sidebar.hide} (${formatKeys("Mod", "\\")})`}
        onClick={() => changePreferences({ isSidebarHidden: true })}
        className="max-md:hidden"
      >
        <PanelLeftClose {...icon} className="rtl:-scale-x-100" />
      </IconButton>
      <NewChatLink />
    </>
  );
}

import { Sidebar } from "@/features/sessions/sidebar";
import type { Overlay } from "./overlay-dialogs";
import { RequestPanel } from "./request-panel";
import { SidebarResizer } from "./sidebar-resizer";

/** The chat list, and the handle that resizes it. */
export function ChatListPane(props: {
  /** The width that the user has set, in pixels, or null. */
  width: number | null;
  isHidden: boolean;
  onOpen: (overlay: Overlay) => void;
}) {
  const { width, isHidden, onOpen } = props;
  return (
    <>
      <div className="min-h-0 flex-1">
        <Sidebar
          onSettings={() => onOpen("settings")}
          onPalette={() => onOpen("palette")}
          Request={RequestPanel}
        />
      </div>
      {!isHidden && <SidebarResizer width={width} />}
    </>
  );
}

/** The dialogs that can be opened from any view, and their shortcuts. */
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { useCanWrite } from "@/api/me";
import { hasModifier, hasOverlay, useShortcuts } from "@/keyboard";
import { toggleSidebar } from "@/preferences";
import type { Overlay } from "./overlay-dialogs";
import { preloadLater } from "./preload";

/** Returns the open overlay and functions to open and close it. Registers the shortcuts. */
export function useOverlays() {
  const [overlay, setOverlay] = useState<Overlay | null>(null);
  const navigate = useNavigate();
  const canWrite = useCanWrite();
  const onKey = useCallback(
    (event: KeyboardEvent) => {
      if (!hasModifier(event) || event.altKey) return;
      const key = event.key.toLowerCase();
      const isNew = event.shiftKey && key === "o";
      // On many keyboards, the key with this position is not a backslash.
      const isToggle = !event.shiftKey && (key === "\\" || event.code === "Backslash");
      const wanted = ({ k: "palette", "/": "help" } as const)[key];
      if (!isNew && !isToggle && !wanted) return;
      event.preventDefault();
      if (hasOverlay()) return;
      if (wanted) setOverlay(wanted);
      else if (isToggle) toggleSidebar();
      else if (canWrite) void navigate({ to: "/new" });
    },
    [navigate, canWrite],
  );
  useShortcuts(onKey);
  const close = useCallback(() => setOverlay(null), []);
  return { overlay, open: setOverlay, close };
}

const OverlayDialog = lazy(async () => ({
  default: (await import("./overlay-dialogs")).OverlayDialog,
}));

export function Overlays(props: {
  overlay: Overlay | null;
  onOpen: (overlay: Overlay) => void;
  onClose: () => void;
}) {
  useEffect(preloadLater, []);
  const { overlay, onOpen, onClose } = props;
  if (!overlay) return null;
  return (
    <Suspense>
      <OverlayDialog overlay={overlay} onOpen={onOpen} onClose={onClose} />
    </Suspense>
  );
}

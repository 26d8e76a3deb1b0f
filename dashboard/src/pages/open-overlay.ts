import { createContext } from "react";
import type { Overlay } from "./overlay-dialogs";

/** Lets views open an overlay. On a phone, the sidebar and its buttons may be hidden. */
export const OpenOverlay = createContext<(overlay: Overlay) => void>(() => {});

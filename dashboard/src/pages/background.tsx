import { useDraftSync } from "@/draft-sync/use-draft-sync";
import { useBadge } from "./use-badge";
import { useNotifications } from "./use-notifications";

/** Everything that the page does besides showing its views. It is loaded after the first view. */
export function Background(): null {
  useBadge();
  useNotifications();
  useDraftSync();
  return null;
}

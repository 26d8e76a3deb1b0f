import { LightboxHost } from "@/attachments/lightbox/lightbox-host";
import { useDiscardedFiles } from "@/attachments/use-discarded-files";
import { useDraftSync } from "@/draft-sync/use-draft-sync";
import { useDiscardedEdits } from "@/features/thread/message/use-discarded-edits";
import { useBadge } from "./use-badge";
import { useNotifications } from "./use-notifications";

/**
 * Everything that the page does besides showing its views, and the lightbox. It is loaded after the
 * first view.
 */
export function Background() {
  useBadge();
  useNotifications();
  useDraftSync();
  useDiscardedFiles();
  useDiscardedEdits();
  return <LightboxHost />;
}

/** How long after the first view the parts that are needed later are loaded. */
const DELAY_MS = 1500;

/**
 * Loads the dialogs and other parts that are not needed for the first view. They then open without a
 * delay, also while the device is offline or after the server was updated. Returns a function that
 * cancels this. If loading fails, opening the part tries again.
 */
export function preloadLater(): () => void {
  const timer = setTimeout(() => {
    const parts = [
      import("./new-chat-page"),
      import("./overlay-dialogs"),
      import("./sign-in-page"),
      import("@/attachments/file-list"),
      import("@/attachments/lightbox/lightbox"),
      import("@/attachments/pending-file-list"),
      import("@/attachments/stored-files"),
      import("@/features/sessions/session-dialogs"),
      import("@/features/sessions/selection-bar"),
      import("@/features/thread/permission/permission-card"),
      import("@/features/thread/message/queued-message-editor"),
      import("@/features/thread/branches/revision-editor"),
      import("@/features/thread/answer/retry-wait-card"),
      import("@/features/thread/steps/step-item"),
    ];
    void Promise.allSettled(parts);
  }, DELAY_MS);
  return () => clearTimeout(timer);
}

/** Loads the parts that are not needed for the first view. Parts that cannot be loaded are skipped. */
export async function loadLaterParts(): Promise<void> {
  await Promise.allSettled([
    import("./chat-menu"),
    import("./new-chat-page"),
    import("./overlay-dialogs"),
    import("./sign-in-page"),
    import("./unsent-texts"),
    import("@/attachments/file-list"),
    import("@/attachments/lightbox/lightbox"),
    import("@/attachments/pending-file-list"),
    import("@/attachments/stored-files"),
    import("@/features/sessions/restore-button"),
    import("@/features/sessions/session-dialogs"),
    import("@/features/sessions/session-menu"),
    import("@/features/sessions/selection-bar"),
    import("@/features/settings/import-dialog"),
    import("@/features/thread/files/files-dialog"),
    import("@/features/thread/permission/permission-card"),
    import("@/features/thread/message/queued-message-editor"),
    import("@/features/thread/branches/revision-editor"),
    import("@/features/thread/answer/retry-wait-card"),
    import("@/features/thread/answer/turn-details"),
    import("@/features/thread/steps/step-item"),
  ]);
}

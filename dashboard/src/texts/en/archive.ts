/** UI text for exporting and importing chats. */

import { formatNumber, plural } from "../formats";

export const archive = {
  archive: {
    title: "Your chats",
    hint: "Download your chats and their files, or add chats from another product.",
    exportOne: "Export…",
    exportTitle: "Export chat",
    format: "Format",
    formats: { markdown: "Markdown", html: "Web page (HTML)", json: "JSON" },
    formatHints: {
      markdown: "Messages as text, for notes and editors",
      html: "A single page with images, for reading and sharing",
      json: "All versions and steps, without files. Can be imported into Banter",
    },
    export: "Export",
    exportAll: "Export all chats",
    exportOffline: "You’re offline. Reconnect to export.",
    exportStarted: "The download has started.",
    importMany: "Import chats…",
    importTitle: "Import chats",
    importHint:
      "Choose an export from ChatGPT, Claude, Open WebUI, LibreChat, or Banter, or a session file from Claude Code or Codex.",
    fileTypes: "ZIP, JSON, or JSONL",
    chooseFile: "Choose file",
    drop: "Or drop it here",
    importOffline: "You’re offline. Reconnect to import.",
    uploading: (name: string) => `Uploading ${name}`,
    reading: (done: number) =>
      plural(done, { one: "# chat processed", other: "# chats processed" }),
    readingOf: (done: number, total: number) =>
      `${formatNumber(done)} of ${formatNumber(total)} chats processed`,
    imported: (count: number) => `${formatNumber(count)} imported`,
    skipped: (count: number) => `${formatNumber(count)} skipped`,
    failed: (count: number) => `${formatNumber(count)} failed`,
    skippedHint: "Skipped chats already exist or were imported before.",
    failures: "Chats that couldn’t be imported",
    moreFailures: (count: number) => plural(count, { one: "# more", other: "# more" }),
    cancelled: "Import canceled. Import the file again to add the remaining chats.",
    interrupted: "The import was interrupted. Import the file again to add the remaining chats.",
    another: "Import another file",
  },
};

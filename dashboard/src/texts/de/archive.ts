import type { archive as english } from "../en/archive";
import { formatNumber, plural } from "../formats";

export const archive: typeof english = {
  archive: {
    title: "Chat-Daten",
    hint: "Alle Chats samt Dateien herunterladen oder Chats aus einem anderen Produkt hinzufügen.",
    exportOne: "Exportieren …",
    exportTitle: "Chat exportieren",
    format: "Dateiformat",
    formats: { markdown: "Markdown", html: "Webseite (HTML)", json: "JSON" },
    formatHints: {
      markdown: "Nachrichten als Text, für Notizen und Editoren",
      html: "Eine einzelne Seite mit Bildern, zum Lesen und Weitergeben",
      json: "Alles einschließlich der Schritte, für den Import in Banter",
    },
    export: "Exportieren",
    exportAll: "Alle Chats exportieren",
    exportOffline: "Offline. Der Export benötigt eine Verbindung.",
    exportStarted: "Der Download wurde gestartet.",
    importMany: "Chats importieren …",
    importTitle: "Chats importieren",
    importHint:
      "Möglich sind Exporte aus ChatGPT, Claude, Open WebUI, LibreChat und Banter sowie Sitzungsdateien aus Claude Code und Codex.",
    fileTypes: "ZIP, JSON oder JSONL",
    chooseFile: "Datei auswählen",
    drop: "Oder hier ablegen",
    importOffline: "Offline. Der Import benötigt eine Verbindung.",
    uploading: (name) => `${name} wird hochgeladen`,
    reading: (done) => plural(done, { one: "# Chat verarbeitet", other: "# Chats verarbeitet" }),
    readingOf: (done, total) =>
      `${formatNumber(done)} von ${formatNumber(total)} Chats verarbeitet`,
    imported: (count) => `${formatNumber(count)} importiert`,
    skipped: (count) => `${formatNumber(count)} übersprungen`,
    failed: (count) => `${formatNumber(count)} fehlgeschlagen`,
    skippedHint: "Übersprungene Chats wurden bereits importiert.",
    failures: "Chats, die nicht importiert werden konnten",
    moreFailures: (count) => plural(count, { one: "# weiterer", other: "# weitere" }),
    cancelled: "Import abgebrochen. Ein erneuter Import der Datei fügt die restlichen Chats hinzu.",
    interrupted:
      "Der Import wurde unterbrochen. Ein erneuter Import der Datei fügt die restlichen Chats hinzu.",
    another: "Weitere Datei importieren",
  },
};

import type { general as english } from "../en/general";
import { formatList, plural } from "../formats";

function countUnsent(messages: number, drafts: number): string {
  const parts = [
    messages > 0
      ? plural(messages, {
          one: "# nicht gesendete Nachricht",
          other: "# nicht gesendete Nachrichten",
        })
      : "",
    drafts > 0 ? plural(drafts, { one: "# Entwurf", other: "# Entwürfe" }) : "",
  ];
  return formatList(parts.filter(Boolean));
}

export const general: typeof english = {
  app: { name: "Banter" },
  common: {
    cancel: "Abbrechen",
    save: "Speichern",
    retry: "Wiederholen",
    done: "Fertig",
    undo: "Rückgängig",
    moreActions: "Weitere Aktionen",
    comma: ", ",
    period: ". ",
    backToChats: "Zurück zu den Chats",
  },
  duration: { hours: " h", minutes: " min", seconds: " s", separator: " " },
  connection: {
    reconnecting: "Verbindung wird wiederhergestellt …",
    offline: "Offline",
    unreachable: "Server nicht erreichbar",
    retrying: "Neuer Versuch läuft automatisch …",
    rejected: "Banter kann nicht geöffnet werden",
  },
  signIn: {
    title: "Bei Banter anmelden",
    apiKey: "API-Schlüssel",
    submit: "Anmelden",
    invalidKey: "Dieser API-Schlüssel ist ungültig, abgelaufen oder widerrufen.",
    hint: "Kein Schlüssel? Administrator fragen oder auf dem Server einen erstellen:",
    command: "api keys create --user name",
    signedInAs: (user) => `Angemeldet als ${user}`,
    signOut: "Abmelden",
    signOutTitle: "Abmelden?",
    signOutBody: (messages, drafts) =>
      `Auf diesem Gerät gespeichert: ${countUnsent(messages, drafts)}. Für die nächste Anmeldung behalten oder entfernen?`,
    keepAndSignOut: "Behalten und abmelden",
    removeAndSignOut: "Entfernen und abmelden",
  },
  settings: {
    title: "Einstellungen",
    language: "Sprache",
    systemLanguage: "System",
    languageFailed:
      "Die Sprache konnte nicht geladen werden. Verbindung prüfen und erneut versuchen.",
    theme: "Design",
    auto: "System",
    light: "Hell",
    dark: "Dunkel",
    sendWith: "Nachrichten senden mit",
    notifications: "Mitteilungen",
    notificationsHint:
      "Mitteilungen über Antworten, Fehler und Genehmigungsanfragen, während diese Seite im Hintergrund ist.",
    notificationsBlocked:
      "Mitteilungen sind blockiert. In den Browsereinstellungen lassen sie sich erlauben.",
    notificationsInsecure: "Mitteilungen erfordern HTTPS oder localhost.",
    notificationsUnsupported: "Dieser Browser unterstützt keine Mitteilungen.",
  },
  notifications: {
    permission: (title) => `Genehmigung erforderlich: ${title}`,
    failed: (reason) => `Fehlgeschlagen: ${reason}`,
    interrupted: (reason) => `Unterbrochen: ${reason}`,
  },
  palette: {
    title: "Suche und Befehle",
    placeholder: "Chats, Nachrichten und Befehle suchen …",
    chats: "Chats",
    moreChats: (count: number) =>
      plural(count, { one: "# weiteren Chat anzeigen", other: "# weitere Chats anzeigen" }),
    messages: "Nachrichten",
    agents: "Agenten",
    actions: "Aktionen",
    thisChat: "Dieser Chat",
    stop: "Antwort stoppen",
    chatWith: (agent) => `Neuer Chat mit ${agent}`,
    darkTheme: "Dunkles Design verwenden",
    lightTheme: "Helles Design verwenden",
    agentFilter: "Agent",
    anyAgent: "Alle Agenten",
    statusFilter: "Zu durchsuchende Chats",
    anyStatus: "Alle Chats",
    activeOnly: "Aktive Chats",
    archivedOnly: "Archivierte Chats",
    searching: "Nachrichten werden durchsucht …",
    searchFailed: "Nachrichtensuche fehlgeschlagen",
  },
  sidebar: {
    hide: "Seitenleiste ausblenden",
    show: "Seitenleiste einblenden",
    toggle: "Seitenleiste ein- oder ausblenden",
    resize: "Breite der Seitenleiste ändern",
    rail: "Seitenleiste",
    attention: "In einigen Chats ist eine Aktion erforderlich",
  },
  keys: {
    Mod: "Strg",
    Shift: "Umschalt",
    Enter: "Eingabe",
    Escape: "Esc",
    Home: "Pos1",
    End: "Ende",
  },
  help: {
    title: "Tastenkürzel",
    palette: "Suche und Befehle",
    newChat: "Neuer Chat",
    list: "In der Chatliste navigieren",
    select: "Chats auswählen",
    selectKeys: "Leertaste, Umschalt+Klick",
    sidebar: "Seitenleiste ein- oder ausblenden",
    find: "Im Chat suchen",
    questions: "Gehe zu Frage",
    ends: "Zum Anfang oder Ende des Chats",
    editNewest: "Letzte wartende Nachricht bearbeiten",
    send: "Nachricht senden",
    newLine: "Neue Zeile",
    escape: "Dialog schließen oder Antwort stoppen",
    help: "Tastenkürzel anzeigen",
  },
};

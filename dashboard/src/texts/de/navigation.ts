import type { navigation as english } from "../en/navigation";
import { formatNumber } from "../formats";

export const navigation: typeof english = {
  find: {
    label: "Im Chat suchen",
    open: "Im Chat suchen …",
    placeholder: "Im Chat suchen …",
    position: (position, total) => `${formatNumber(position)} von ${total}`,
    searching: "Suche läuft …",
    noMatches: "Keine Treffer",
    failed: "Suche fehlgeschlagen",
    previous: "Vorheriger Treffer",
    next: "Nächster Treffer",
    close: "Schließen",
  },
  questions: {
    title: "Fragen in diesem Chat",
    open: "Gehe zu Frage …",
    placeholder: "Gehe zu Frage …",
    loading: "Frühere Fragen werden geladen …",
    loadFailed: "Frühere Fragen konnten nicht geladen werden.",
    empty: "Noch keine Fragen",
  },
  print: {
    open: "Drucken …",
    preparing: "Druck wird vorbereitet …",
  },
};

import type { messages as english } from "../en/messages";
import { formatPercent } from "../formats";

export const messages: typeof english = {
  reading: {
    diagram: "Diagramm",
    invalidDiagram: "Ungültiges Diagramm",
    showDiagram: "Diagramm anzeigen",
    showSource: "Quelltext anzeigen",
    zoom: "Vergrößern",
    zoomIn: "Vergrößern",
    zoomOut: "Verkleinern",
    zoomLevel: formatPercent,
    close: "Schließen",
    wrapLines: "Zeilen umbrechen",
    downloadCode: "Code herunterladen",
    copyTable: { csv: "Tabelle als CSV kopieren", markdown: "Tabelle als Markdown kopieren" },
    tableFormats: { csv: "CSV", markdown: "Markdown" },
    showMore: "Mehr anzeigen",
    showLess: "Weniger anzeigen",
    image: "Bild",
    footnotes: "Fußnoten",
    backToReference: (reference) => `Zurück zum Verweis ${reference}`,
  },
};

/** UI text within messages: code, tables, diagrams, images, and folded text. */

import { formatPercent } from "../formats";

export const messages = {
  reading: {
    diagram: "Diagram",
    invalidDiagram: "Invalid diagram",
    showDiagram: "Show diagram",
    showSource: "Show source",
    zoom: "Zoom",
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    zoomLevel: formatPercent,
    close: "Close",
    wrapLines: "Wrap lines",
    downloadCode: "Download code",
    copyTable: { csv: "Copy table as CSV", markdown: "Copy table as Markdown" },
    tableFormats: { csv: "CSV", markdown: "Markdown" },
    showMore: "Show more",
    showLess: "Show less",
    image: "Image",
    footnotes: "Footnotes",
    backToReference: (reference: string) => `Back to reference ${reference}`,
  },
};

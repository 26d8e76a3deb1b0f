/** UI text within messages: code, tables, diagrams, and folded text. */

import { language } from "./language";

const percent = new Intl.NumberFormat(language, { style: "percent" });

export const messages = {
  reading: {
    diagram: "Diagram",
    invalidDiagram: "Invalid diagram",
    showDiagram: "Show diagram",
    showSource: "Show source",
    zoom: "Zoom",
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    zoomLevel: (scale: number) => percent.format(scale),
    close: "Close",
    showMore: "Show more",
    showLess: "Show less",
  },
} as const;

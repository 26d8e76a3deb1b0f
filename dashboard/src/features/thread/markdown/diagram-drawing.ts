/** Draws diagrams with Mermaid and keeps the drawings. */
import type { Mermaid } from "mermaid";
import { useSyncExternalStore } from "react";
import { usePreferences } from "@/preferences";
import { createLazy } from "./use-lazy";

/** Drawings are kept, because a thread removes the messages that are out of sight. */
const MAX_DRAWINGS = 100;

const mermaid = createLazy<Mermaid>(() => import("mermaid").then((module) => module.default));
const drawings = new Map<string, string>();
const dark = window.matchMedia?.("(prefers-color-scheme: dark)");

function subscribe(onChange: () => void): () => void {
  dark?.addEventListener("change", onChange);
  return () => dark?.removeEventListener("change", onChange);
}

/** Returns whether the page is dark. */
export function useIsDark(): boolean {
  const { theme } = usePreferences();
  const isDeviceDark = useSyncExternalStore(subscribe, () => dark?.matches ?? false);
  return theme === "auto" ? isDeviceDark : theme === "dark";
}

const nameOf = (source: string, isDark: boolean) => `${isDark ? "dark" : "light"} ${source}`;

/** Returns the SVG of a diagram that has been drawn. */
export function findDrawing(source: string, isDark: boolean): string | undefined {
  return drawings.get(nameOf(source, isDark));
}

/** Returns the page's current colors, which Mermaid needs as values. */
function readColors(): (name: string) => string {
  const probe = document.createElement("span");
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const colors = Object.fromEntries(
    ["bg", "code", "ink", "ink-2", "ink-3", "line", "line-strong", "raised", "bubble"].map(
      (name) => {
        probe.style.color = `var(--${name})`;
        return [name, style.color];
      },
    ),
  );
  probe.remove();
  return (name) => colors[name] ?? "gray";
}

function configure({ initialize }: Mermaid, isDark: boolean): void {
  const color = readColors();
  initialize({
    startOnLoad: false,
    suppressErrorRendering: true,
    // Scripts, links, and HTML are removed from a diagram, and its labels are drawn as text.
    securityLevel: "strict",
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    class: { htmlLabels: false },
    secure: [
      "secure",
      "securityLevel",
      "startOnLoad",
      "maxTextSize",
      "maxEdges",
      "suppressErrorRendering",
      "htmlLabels",
      "themeCSS",
    ],
    theme: "base",
    fontFamily: '"Inter Variable", system-ui, sans-serif',
    themeVariables: {
      darkMode: isDark,
      fontSize: "14px",
      background: color("code"),
      primaryColor: color("raised"),
      primaryTextColor: color("ink"),
      primaryBorderColor: color("ink-3"),
      secondaryColor: color("bubble"),
      tertiaryColor: color("bubble"),
      lineColor: color("ink-3"),
      textColor: color("ink"),
      mainBkg: color("raised"),
      nodeBorder: color("ink-3"),
      clusterBkg: color("bubble"),
      clusterBorder: color("line-strong"),
      edgeLabelBackground: color("code"),
      noteBkgColor: color("bubble"),
      noteTextColor: color("ink"),
      noteBorderColor: color("line-strong"),
      actorBkg: color("raised"),
      actorBorder: color("ink-3"),
      labelBoxBkgColor: color("bubble"),
    },
  });
}

/** The start of an HTML tag other than a line break. Arrows and `<<interface>>` are no tags. */
const TAG = /(?<!<)<(?=[a-z/!])(?!\/?br\s*\/?>)/gi;

/**
 * Returns the source with HTML as text. Mermaid would remove scripts from HTML, but the content
 * security policy reports them as soon as they are parsed.
 */
export const escapeHtml = (source: string) => source.replace(TAG, "#lt;");

let drawn = 0;

/** Draws a diagram and returns its SVG. The promise is rejected if the source is invalid. */
export async function drawDiagram(source: string, isDark: boolean): Promise<string> {
  const module = await mermaid.load();
  configure(module, isDark);
  drawn++;
  const { svg } = await module.render(`diagram-${drawn}`, escapeHtml(source));
  const [oldest] = drawings.keys();
  if (drawings.size >= MAX_DRAWINGS && oldest !== undefined) drawings.delete(oldest);
  drawings.set(nameOf(source, isDark), svg);
  return svg;
}

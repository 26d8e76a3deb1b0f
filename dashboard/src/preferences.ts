/** What the user prefers on this device. Every tab follows a change at once. */
import { useSyncExternalStore } from "react";
import * as v from "valibot";

const KEY = "banter.preferences";

const schema = v.object({
  theme: v.fallback(v.picklist(["auto", "light", "dark"]), "auto"),
  /** Which key sends: Enter, or Mod+Enter with Enter for a new line. */
  sendWith: v.fallback(v.picklist(["enter", "mod-enter"]), "enter"),
  hasNotifications: v.fallback(v.boolean(), false),
});

export type Preferences = v.InferOutput<typeof schema>;

function read(): Preferences {
  try {
    return v.parse(schema, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    // Forbidden or broken: the defaults.
    return v.parse(schema, {});
  }
}

let current = read();
const listeners = new Set<() => void>();

function set(next: Preferences): void {
  current = next;
  applyTheme();
  for (const listener of [...listeners]) listener();
}

export function changePreferences(change: Partial<Preferences>): void {
  set({ ...current, ...change });
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // Forbidden or full: it holds as long as the page.
  }
}

/** What a phone paints around the page: the colour of the list. */
const barColours = { light: "#f3f2ef", dark: "#1a1a18" } as const;

/** The stylesheet looks at the attribute; without one the device decides. */
export function applyTheme(): void {
  const { dataset } = document.documentElement;
  if (current.theme === "auto") delete dataset.theme;
  else dataset.theme = current.theme;
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const own = meta.media.includes("dark") ? "dark" : "light";
    meta.content = barColours[current.theme === "auto" ? own : current.theme];
  }
}

window.addEventListener("storage", (event) => {
  if (event.key === KEY) set(read());
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function readPreferences(): Preferences {
  return current;
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, readPreferences);
}

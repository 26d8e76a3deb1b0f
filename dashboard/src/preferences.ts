/** What the user prefers on this device. Every tab follows a change at once. */
import * as v from "valibot";
import { createObservable, useObservable } from "./observable";

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

const preferences = createObservable(read());
preferences.subscribe(applyTheme);

export function changePreferences(change: Partial<Preferences>): void {
  preferences.set({ ...preferences.get(), ...change });
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences.get()));
  } catch {
    // Forbidden or full: it holds as long as the page.
  }
}

/** What a phone paints around the page: the colour of the list. */
const barColours = { light: "#f3f2ef", dark: "#1a1a18" } as const;

/** The stylesheet looks at the attribute; without one the device decides. */
export function applyTheme(): void {
  const { dataset } = document.documentElement;
  const { theme } = preferences.get();
  if (theme === "auto") delete dataset.theme;
  else dataset.theme = theme;
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const own = meta.media.includes("dark") ? "dark" : "light";
    meta.content = barColours[theme === "auto" ? own : theme];
  }
}

window.addEventListener("storage", (event) => {
  if (event.key === KEY) preferences.set(read());
});

export function readPreferences(): Preferences {
  return preferences.get();
}

export function usePreferences(): Preferences {
  return useObservable(preferences);
}

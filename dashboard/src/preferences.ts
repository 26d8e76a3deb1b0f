/** The user's preferences on this device, shared by all tabs. */
import * as v from "valibot";
import { createObservable, useObservable } from "./observable";
import { languageTags } from "./texts/language";

const KEY = "banter.preferences";

const schema = v.object({
  /** The language of the page; `auto` for the browser's. */
  language: v.fallback(v.picklist(["auto", ...languageTags]), "auto"),
  theme: v.fallback(v.picklist(["auto", "light", "dark"]), "auto"),
  /**
   * The key that sends a message: Enter, or Mod+Enter. With Mod+Enter, Enter inserts a line break.
   */
  sendWith: v.fallback(v.picklist(["enter", "mod-enter"]), "enter"),
  hasNotifications: v.fallback(v.boolean(), false),
  /** The key of the agent with which the last chat was started; empty at first. */
  lastAgent: v.fallback(v.string(), ""),
  /**
   * The keys of the folders of the last chats that were started, the last one first; empty for a
   * chat without one.
   */
  recentFolders: v.fallback(v.array(v.string()), []),
  /** Whether the sidebar is hidden on wide screens. */
  isSidebarHidden: v.fallback(v.boolean(), false),
  /** The width of the sidebar in pixels; null for the default, which depends on the screen. */
  sidebarWidth: v.fallback(v.nullable(v.number()), null),
});

export type Preferences = v.InferOutput<typeof schema>;

function read(): Preferences {
  try {
    return v.parse(schema, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    // Storage is disabled or its content is malformed, so use the defaults.
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
    // Storage is disabled or full, so the change lasts only until the page is reloaded.
  }
}

/** Shows or hides the sidebar on wide screens. */
export function toggleSidebar(): void {
  changePreferences({ isSidebarHidden: !preferences.get().isSidebarHidden });
}

/** The color of a phone's browser bars, which is the same as that of the chat list. */
const barColors = { light: "#f3f2ef", dark: "#1a1a18" } as const;

/**
 * Applies the theme through `data-theme`. If the attribute is absent, the device's theme applies.
 */
export function applyTheme(): void {
  const { dataset } = document.documentElement;
  const { theme } = preferences.get();
  if (theme === "auto") delete dataset.theme;
  else dataset.theme = theme;
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const own = meta.media.includes("dark") ? "dark" : "light";
    meta.content = barColors[theme === "auto" ? own : theme];
  }
}

window.addEventListener("storage", (event) => {
  if (event.key === KEY) preferences.set(read());
});

/** Calls the listener whenever a preference changes, in this tab or another one. */
export const onPreferencesChange = preferences.subscribe;

export function readPreferences(): Preferences {
  return preferences.get();
}

export function usePreferences(): Preferences {
  return useObservable(preferences);
}

/** The user-facing text in the language of the page. */
import { createObservable, useObservable } from "@/observable";
import { type Catalog, english } from "./en";
import { directionOf, type Language, setLocale } from "./language";

/** The catalogs other than the English one, which are loaded when they are needed. */
const loaders: Readonly<
  Record<Exclude<Language, "en">, () => Promise<{ readonly catalog: Catalog }>>
> = {
  de: () => import("./de"),
  ja: () => import("./ja"),
};

/**
 * The texts in the current language. Read them when they are shown, not when a module is loaded,
 * because the language may change.
 */
export let texts: Catalog = english;

const shown = createObservable<Language>("en");
/** The language that was requested last. Loading an earlier one may take longer. */
let requested: Language = "en";

/**
 * Loads the texts in a language and shows the page in it. Rejects if the texts cannot be loaded.
 */
export async function showLanguage(language: Language): Promise<void> {
  if (language === requested && language === shown.get()) return;
  requested = language;
  const catalog = language === "en" ? english : (await loaders[language]()).catalog;
  if (requested !== language) return;
  texts = catalog;
  setLocale(language);
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
  shown.set(language);
}

/**
 * Returns the language of the page. A component that uses it as the key of its children renders
 * them again when it changes.
 */
export function useLanguage(): Language {
  return useObservable(shown);
}

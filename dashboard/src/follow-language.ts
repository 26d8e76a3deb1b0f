/** Shows the page in the language that the user has chosen, or else in the browser's. */
import { onPreferencesChange, type Preferences, readPreferences } from "./preferences";
import { showLanguage } from "./texts";
import { chooseLanguage, type Language, listPreferred } from "./texts/language";

/** Returns the language of the page for a preference. */
export function resolveLanguage(language: Preferences["language"]): Language {
  return language === "auto" ? chooseLanguage(listPreferred()) : language;
}

/**
 * Shows the page in the user's language, now and whenever it changes. Resolves once the texts are
 * loaded. If they cannot be loaded, the language stays the same.
 */
export function followLanguage(): Promise<void> {
  const apply = () => showLanguage(resolveLanguage(readPreferences().language)).catch(() => {});
  onPreferencesChange(() => void apply());
  return apply();
}

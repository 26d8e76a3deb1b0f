/** The languages of the page, and the locale in which dates and numbers are formatted. */

/** The names of the supported languages, each in that language, by BCP 47 tag. */
export const languages = { en: "English", de: "Deutsch", ja: "日本語" } as const;

export type Language = keyof typeof languages;

export const languageTags = Object.keys(languages) as Language[];

/** Languages that are written from right to left, supported or not. */
const RIGHT_TO_LEFT: readonly string[] = ["ar", "dv", "fa", "he", "ps", "ur", "yi"];

/** Returns the language of a tag, such as "en" for "en-GB", or null if the tag is malformed. */
function languageOf(tag: string): string | null {
  try {
    return new Intl.Locale(tag).language;
  } catch {
    // Some browsers report tags that are malformed, such as "C".
    return null;
  }
}

/** Returns the first preferred language that is supported, or English if there is none. */
export function chooseLanguage(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const language = languageOf(tag);
    if (language !== null && Object.hasOwn(languages, language)) return language as Language;
  }
  return "en";
}

/**
 * Returns the first preferred locale that is a variant of the language, such as "en-GB" for "en".
 * Returns the language if there is none.
 */
export function chooseLocale(language: string, preferred: readonly string[]): string {
  return preferred.find((tag) => languageOf(tag) === language) ?? language;
}

export function directionOf(language: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";
}

/** Returns the browser's languages, by preference. */
export function listPreferred(): readonly string[] {
  return globalThis.navigator?.languages ?? [];
}

/**
 * The locale in which dates, numbers, and durations are formatted, as a BCP 47 tag. It is always a
 * variant of the language of the texts, so that no text mixes two languages. Every `Intl` call must
 * use it, and must not do so before the language is known (see `perLocale`).
 */
export let locale = chooseLocale("en", listPreferred());

/** Formats everything in a variant of `language` from now on. */
export function setLocale(language: string): void {
  locale = chooseLocale(language, listPreferred());
}

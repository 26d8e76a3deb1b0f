/** The language of the catalog. */

/** The language of all text in the catalog, as a BCP 47 tag without a region. */
const CATALOG = "en";

/**
 * Returns the first preferred language that is a variant of the catalog's language, such as "en-GB"
 * for "en". Returns the catalog's language if there is none.
 */
export function chooseFormat(catalog: string, preferred: readonly string[]): string {
  const matching = preferred.find((tag) => {
    try {
      return new Intl.Locale(tag).language === catalog;
    } catch {
      // Some browsers report tags that are malformed, such as "C".
      return false;
    }
  });
  return matching ?? catalog;
}

/**
 * The language in which dates, numbers, and durations are formatted, as a BCP 47 tag. It is always
 * a variant of the catalog's language, so that no text mixes two languages. Every `Intl` call must
 * use it.
 */
export const language = chooseFormat(CATALOG, globalThis.navigator?.languages ?? []);

/** Numbers, plurals, and lists in the language of the texts. Catalogs are written with these. */
import { locale } from "./language";

/**
 * Returns a function that returns the format for the current locale. The format is created when it
 * is first needed, because the locale is not known when modules are loaded.
 */
export function perLocale<Format>(create: (locale: string) => Format): () => Format {
  let made: { locale: string; format: Format } | null = null;
  return () => {
    if (made?.locale !== locale) made = { locale, format: create(locale) };
    return made.format;
  };
}

const numbers = perLocale((tag) => new Intl.NumberFormat(tag));
const percents = perLocale((tag) => new Intl.NumberFormat(tag, { style: "percent" }));
const rules = perLocale((tag) => new Intl.PluralRules(tag));
const lists = perLocale((tag) => new Intl.ListFormat(tag));

export function formatNumber(number: number): string {
  return numbers().format(number);
}

/** Formats a fraction as a percentage, such as "50%" for 0.5. */
export function formatPercent(fraction: number): string {
  return percents().format(fraction);
}

const byteUnits = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
const sizes = byteUnits.map((unit) =>
  perLocale(
    (tag) =>
      new Intl.NumberFormat(tag, {
        style: "unit",
        unit,
        unitDisplay: unit === "byte" ? "long" : "short",
        maximumFractionDigits: 1,
      }),
  ),
);

/** Formats a number of bytes in the largest fitting unit, such as "1.5 MB". */
export function formatBytes(bytes: number): string {
  const index = Math.min(Math.floor(Math.log10(Math.max(1, bytes)) / 3), byteUnits.length - 1);
  return sizes[index]?.().format(bytes / 1000 ** index) ?? "";
}

/** Formats the parts of a sentence, such as "a, b, and c". */
export function formatList(parts: readonly string[]): string {
  return lists().format(parts);
}

/** The forms of a text by plural category. Languages have different categories. */
type PluralForms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/**
 * Returns the form for the number, with the number in place of `#`. For example, `{ one: "# chat",
 * other: "# chats" }` results in "1 chat" or "2 chats".
 */
export function plural(count: number, forms: PluralForms): string {
  return (forms[rules().select(count)] ?? forms.other).replace("#", () => formatNumber(count));
}

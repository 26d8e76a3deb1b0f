/** Where web addresses end in the text of languages without spaces between words. */

/**
 * Full-width punctuation, and quotation marks, dashes, and ellipses of the same languages, as
 * characters of a regular expression.
 */
export const WIDE_PUNCTUATION = String.raw`\u2014\u2015\u2018-\u201f\u2025\u2026\u22ef\u3000-\u3003\u3008-\u301f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65`;

/** A letter of such a language. */
export const WIDE_LETTER = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}]/u;

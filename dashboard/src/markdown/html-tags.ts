/** The HTML elements that are rendered in answers. All other HTML is shown as text. */
export const HTML_ELEMENTS = [
  "b",
  "br",
  "code",
  "del",
  "details",
  "em",
  "i",
  "ins",
  "kbd",
  "mark",
  "s",
  "samp",
  "small",
  "strong",
  "sub",
  "summary",
  "sup",
  "u",
  "var",
] as const;

/** A start or end tag of a rendered element. Its attributes are ignored. */
export const HTML_TAG = new RegExp(
  `</?(${HTML_ELEMENTS.join("|")})(?:\\s(?:[^<>"']|"[^"]*"|'[^']*')*)?\\s*/?>`,
  "iy",
);

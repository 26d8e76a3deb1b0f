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

const ATTRIBUTE = String.raw`\s+[A-Za-z_:][\w.:-]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>\x60]+))?`;

/** A start or end tag of a rendered element, as specified by CommonMark. Attributes are ignored. */
export const HTML_TAG = new RegExp(
  String.raw`</?(${HTML_ELEMENTS.join("|")})(?:${ATTRIBUTE})*\s*/?>`,
  "iy",
);

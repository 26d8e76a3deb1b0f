/** Finds links in a user's text. */
import { WIDE_LETTER, WIDE_PUNCTUATION } from "@/markdown/address-end";

export interface TextPart {
  readonly text: string;
  /** The address of a link; undefined for other text. */
  readonly href?: string;
}

const LABELED = String.raw`\[([^\][\n]+)\]\((https?:\/\/[^\s()]+(?:\([^\s()]*\)[^\s()]*)*)\)`;
const LITERAL = String.raw`<?((?:https?:\/\/|www\.)[^\s<>${WIDE_PUNCTUATION}]+)>?`;
const LINK = new RegExp(`${LABELED}|${LITERAL}`, "giu");
/** Punctuation at the end of a sentence, which is not part of an address. */
const TRAILING = /[?!.,:;*_~'"]+$/;
/** The end of emphasis before a letter, and all that follows. */
const EMPHASIS_END = new RegExp(String.raw`(?:\*|~~)+(?=${WIDE_LETTER.source}).*`, "su");

/** Removes punctuation and unmatched parentheses from the end of an address. */
function trim(address: string): string {
  const shorter = address.replace(TRAILING, "");
  const isUnmatched =
    shorter.endsWith(")") && shorter.split(")").length > shorter.split("(").length;
  const next = isUnmatched ? shorter.slice(0, -1) : shorter;
  return next === address ? address : trim(next);
}

/** Splits text into links and other text: web addresses, and links as in Markdown. */
export function splitLinks(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    const [all, label, target, literal = ""] = found;
    const address = target ?? trim(literal.replace(EMPHASIS_END, ""));
    // An address has a name after its protocol.
    if (!/[\p{L}\p{N}]/u.test(address.replace(/^(?:https?:\/\/|www\.)/i, ""))) continue;
    if (/[\p{L}\p{N}]/u.test(text[found.index - 1] ?? "") && !label) continue;
    const isBracketed = all.startsWith("<") && all.endsWith(">") && address === literal;
    const start = isBracketed || label ? found.index : found.index + all.indexOf(literal);
    if (start > end) parts.push({ text: text.slice(end, start) });
    const href = /^www\./i.test(address) ? `https://${address}` : address;
    parts.push({ text: label ?? address, href });
    end = isBracketed || label ? found.index + all.length : start + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/**
 * An extension of the Markdown parser for web addresses in languages without spaces between words:
 * an address ends before full-width punctuation, as in `https://example.com，`.
 */
import type {
  Code,
  Construct,
  Effects,
  Extension,
  State,
  TokenizeContext,
} from "micromark-util-types";

declare module "micromark-util-types" {
  interface TokenTypeMap {
    literalAutolink: "literalAutolink";
    literalAutolinkHttp: "literalAutolinkHttp";
    literalAutolinkWww: "literalAutolinkWww";
  }
}

/** Full-width punctuation, and quotation marks of the same languages. */
const WIDE_PUNCTUATION =
  /[\u2018-\u201f\u3000-\u3003\u3008-\u301f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]/u;
/** The end of an address: white space, `<`, or a control character. */
const END = /[\s<\p{Cc}]/u;
const ADDRESS = /^(?:https?:\/\/|www\.)[^\s/?#]*[\p{L}\p{N}]/iu;
const PREFIXES = ["https://", "http://", "www."];
/** Punctuation at the end of a sentence, which is not part of an address. */
const TRAILING = /[?!.,:*_~'"]$/;

const toText = (code: Code) => (code === null || code < 0 ? "" : String.fromCodePoint(code));

function tokenize(this: TokenizeContext, effects: Effects, ok: State, nok: State): State {
  let address = "";

  const inside: State = (code) => {
    const character = toText(code);
    if (WIDE_PUNCTUATION.test(character)) return atPunctuation(code);
    // Any other address is left to the default syntax.
    if (character === "" || END.test(character)) return nok(code);
    const next = (address + character).toLowerCase();
    const isPossible = PREFIXES.some((one) => next.startsWith(one) || one.startsWith(next));
    if (!isPossible) return nok(code);
    address += character;
    effects.consume(code);
    return inside;
  };
  const atPunctuation: State = (code) => {
    if (!ADDRESS.test(address) || TRAILING.test(address)) return nok(code);
    effects.exit(/^w/i.test(address) ? "literalAutolinkWww" : "literalAutolinkHttp");
    effects.exit("literalAutolink");
    return ok(code);
  };
  return (code) => {
    effects.enter("literalAutolink");
    effects.enter(code === 87 || code === 119 ? "literalAutolinkWww" : "literalAutolinkHttp");
    return inside(code);
  };
}

const isStart = (previous: Code) =>
  !/[\p{L}\p{N}\p{M}]/u.test(toText(previous)) || isWide(previous);
const isWide = (code: Code) =>
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(toText(code));

const address: Construct = { name: "wideAutolink", tokenize, previous: isStart };

/** The syntax, which must be added after that of GitHub Flavored Markdown. */
export const linkSyntax: Extension = {
  text: { 72: address, 104: address, 87: address, 119: address },
};

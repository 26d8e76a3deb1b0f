/**
 * An extension of the Markdown parser for web addresses in languages without spaces between words:
 * an address ends before full-width punctuation, as in `https://example.com，`, and before the end
 * of emphasis, as in `**https://example.com**。`.
 */
import type {
  Code,
  Construct,
  Effects,
  Extension,
  State,
  TokenizeContext,
} from "micromark-util-types";
import { WIDE_LETTER, WIDE_PUNCTUATION } from "./address-end";

declare module "micromark-util-types" {
  interface TokenTypeMap {
    literalAutolink: "literalAutolink";
    literalAutolinkHttp: "literalAutolinkHttp";
    literalAutolinkWww: "literalAutolinkWww";
  }
}

const WIDE = new RegExp(`[${WIDE_PUNCTUATION}]`, "u");
/** The end of an address: white space, `<`, or a control character. */
const END = /[\s<\p{Cc}]/u;
const ADDRESS = /^(?:https?:\/\/|www\.)[^\s/?#]*[\p{L}\p{N}]/iu;
const PREFIXES = ["https://", "http://", "www."];
/** Punctuation at the end of a sentence, which is not part of an address. */
const TRAILING = /[?!.,:*_~'")]/;
/** Delimiters of emphasis that end an address before a letter. */
const EMPHASIS = /\*|~~/;
/** The maximum length of punctuation at the end of an address, in UTF-16 code units. */
const MAX_TRAIL = 8;
/** Longer addresses are left to the default syntax. In UTF-16 code units. */
const MAX_ADDRESS = 2000;
const ASTERISK = 42;

const toText = (code: Code) => (code === null || code < 0 ? "" : String.fromCodePoint(code));
const count = (text: string, character: string) => text.split(character).length - 1;

/** Returns punctuation that does not belong to the address before it. */
function makeTrail(address: string, isEmphasized: boolean): Construct {
  return { partial: true, tokenize };

  function tokenize(effects: Effects, ok: State, nok: State): State {
    let trail = "";
    const inside: State = (code) => {
      const character = toText(code);
      if (TRAILING.test(character) && trail.length < MAX_TRAIL) {
        trail += character;
        effects.consume(code);
        return inside;
      }
      effects.exit("data");
      const isBalanced = count(address + trail, ")") <= count(address + trail, "(");
      if (trail.includes(")") && isBalanced) return nok(code);
      if (isEmphasized && trail.startsWith("*")) return ok(code);
      const isEnd = WIDE.test(character) || (EMPHASIS.test(trail) && WIDE_LETTER.test(character));
      return isEnd ? ok(code) : nok(code);
    };
    return (code) => {
      effects.enter("data");
      return inside(code);
    };
  }
}

function tokenize(this: TokenizeContext, effects: Effects, ok: State, nok: State): State {
  const isEmphasized = this.previous === ASTERISK;
  let address = "";

  const inside: State = (code) => {
    const character = toText(code);
    if (WIDE.test(character)) return ADDRESS.test(address) ? end(code) : nok(code);
    if (TRAILING.test(character) && ADDRESS.test(address))
      return effects.check(makeTrail(address, isEmphasized), end, add)(code);
    return add(code);
  };
  const add: State = (code) => {
    const character = toText(code);
    // Any other address is left to the default syntax.
    if (character === "" || END.test(character) || address.length > MAX_ADDRESS) return nok(code);
    const next = (address + character).toLowerCase();
    const isPossible = PREFIXES.some((one) => next.startsWith(one) || one.startsWith(next));
    if (!isPossible) return nok(code);
    address += character;
    effects.consume(code);
    return inside;
  };
  const end: State = (code) => {
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
  !/[\p{L}\p{N}\p{M}]/u.test(toText(previous)) || WIDE_LETTER.test(toText(previous));

const address: Construct = { name: "wideAutolink", tokenize, previous: isStart };

/** The syntax, which must be added after that of GitHub Flavored Markdown. */
export const linkSyntax: Extension = {
  text: { 72: address, 104: address, 87: address, 119: address },
};

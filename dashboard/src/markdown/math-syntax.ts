/** An extension of the Markdown parser for math. See `math.ts` for what counts as math. */
import type { Literal } from "mdast";
import type { CompileContext, Extension as MdastExtension } from "mdast-util-from-markdown";
import type {
  Code,
  Construct,
  Effects,
  Extension,
  State,
  Token,
  TokenizeContext,
} from "micromark-util-types";
import { isClosedMath, isNestedMath, MAX_MATH_LENGTH, matchMath } from "./math";

interface MathNode extends Literal {
  type: "math";
}

declare module "micromark-util-types" {
  interface TokenTypeMap {
    mathText: "mathText";
    mathBlock: "mathBlock";
    mathData: "mathData";
  }
}

declare module "mdast-util-from-markdown" {
  interface CompileData {
    /** Whether the content is in a table. Set by the extension for tables. */
    inTable?: boolean | undefined;
  }
}

declare module "mdast" {
  interface PhrasingContentMap {
    math: MathNode;
  }
  interface RootContentMap {
    math: MathNode;
  }
}

/** The languages of `code` elements with math. */
export const INLINE_MATH = "math-inline";
export const DISPLAY_MATH = "math-display";
/** A class of math that is written with backslashes, as in `\\(x\\)`. The sanitizer keeps it. */
export const BACKSLASH_MATH = "language-math-backslash";

const BACKSLASH = 92;
const DOLLAR = 36;

const isLineEnding = (code: Code) => code !== null && code < -2;
const isSpace = (code: Code) => code === -2 || code === -1 || code === 32;
/** Returns the character with the code. Line endings and tabs have negative codes. */
const toText = (code: Code) =>
  code === null ? "" : code < 0 ? (isLineEnding(code) ? "\n" : " ") : String.fromCodePoint(code);

interface Kind {
  readonly token: "mathText" | "mathBlock";
  /** The possible first two characters. */
  readonly start: RegExp;
}

/** Math within a paragraph. */
const text: Kind = { token: "mathText", start: /^(?:\$|\\[([])/ };
/** Lines of math that are not part of a paragraph. */
const block: Kind = { token: "mathBlock", start: /^(?:\$\$|\\\[)/ };

function makeConstruct({ token, start }: Kind): Construct {
  const isBlock = token === "mathBlock";

  function tokenize(this: TokenizeContext, effects: Effects, ok: State, nok: State): State {
    const before = this.previous !== null ? toText(this.previous) : "";
    let source = "";
    let hasData = false;

    const data: State = (code) => {
      if (code === null || source.length > MAX_MATH_LENGTH) return nok(code);
      if (source.length === 2 && !start.test(source)) return nok(code);
      if (isLineEnding(code)) {
        // A line of only `$$` or `\[` ends a paragraph.
        if (isBlock && this.interrupt) return source.trim().length === 2 ? ok(code) : nok(code);
        exitData();
        enterLine(code);
        return atLineStart;
      }
      if (!hasData) effects.enter("mathData");
      hasData = true;
      source += toText(code);
      effects.consume(code);
      return isClosedMath(source) ? closed : isNestedMath(source) ? nok : data;
    };
    const exitData = () => {
      if (hasData) effects.exit("mathData");
      hasData = false;
    };
    const enterLine = (code: Code) => {
      source += "\n";
      effects.enter("lineEnding");
      effects.consume(code);
      effects.exit("lineEnding");
    };
    const atLineStart: State = (code) =>
      isLineEnding(code) || this.parser.lazy[this.now().line] ? nok(code) : data(code);

    const closed: State = (code) => {
      const after = isBlock ? "" : toText(code);
      if (matchMath(source + after, isBlock ? "" : before)?.length !== source.length)
        return nok(code);
      exitData();
      effects.exit(token);
      return isBlock ? atBlockEnd(code) : ok(code);
    };
    const atBlockEnd: State = (code) => {
      if (code === null || isLineEnding(code)) return ok(code);
      if (!isSpace(code)) return nok(code);
      effects.enter("linePrefix");
      effects.consume(code);
      effects.exit("linePrefix");
      return atBlockEnd;
    };

    return (code) => {
      effects.enter(token);
      return data(code);
    };
  }

  return { name: token, concrete: isBlock, tokenize };
}

/** The syntax, for the tokenizer. */
export const mathSyntax: Extension = {
  text: { [BACKSLASH]: makeConstruct(text), [DOLLAR]: makeConstruct(text) },
  flow: { [BACKSLASH]: makeConstruct(block), [DOLLAR]: makeConstruct(block) },
};

/** The math that is being read. Prefixes of lines, such as `>`, are not part of its value. */
function findNode({ stack }: CompileContext): MathNode | null {
  const node = stack.at(-1);
  return node?.type === "math" ? node : null;
}

function enterMath(this: CompileContext, token: Token): void {
  this.enter({ type: "math", value: "" }, token);
}

function addLine(this: CompileContext, token: Token): void {
  const node = findNode(this);
  if (node) node.value += (node.value && "\n") + this.sliceSerialize(token);
}

function exitMath(this: CompileContext, token: Token): void {
  const node = findNode(this);
  const math = node && matchMath(node.value, "");
  if (node && math) {
    const className = [`language-${math.isDisplay ? DISPLAY_MATH : INLINE_MATH}`];
    if (node.value.startsWith("\\")) className.push(BACKSLASH_MATH);
    // As in code, a pipe is escaped in tables.
    node.value = this.data.inTable ? math.source.replace(/\\\|/g, "|") : math.source;
    const properties = { className };
    const children = [{ type: "text" as const, value: node.value }];
    node.data =
      token.type === "mathBlock"
        ? { hName: "pre", hChildren: [{ type: "element", tagName: "code", properties, children }] }
        : { hName: "code", hProperties: properties, hChildren: children };
  }
  this.exit(token);
}

/**
 * The syntax, for the compiler. Math becomes a `code` element whose language is `INLINE_MATH` or
 * `DISPLAY_MATH`.
 */
export const mathFromMarkdown: MdastExtension = {
  enter: { mathText: enterMath, mathBlock: enterMath },
  exit: { mathData: addLine, mathText: exitMath, mathBlock: exitMath },
};

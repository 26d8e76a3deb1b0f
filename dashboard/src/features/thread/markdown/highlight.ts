/**
 * Finds the tokens to highlight in code, such as comments, strings, and keywords. The patterns are
 * approximations that suit most languages. They never change the text.
 */

export interface Token {
  readonly kind: "plain" | HighlightKind;
  readonly text: string;
}

type HighlightKind =
  | "comment"
  | "string"
  | "number"
  | "keyword"
  | "function"
  | "type"
  /** A key, an attribute, a variable of a shell, or a decorator. */
  | "property";

/** The classes of the tokens. Their colors are in styles/code.css. */
export const tokenClasses: Readonly<Record<HighlightKind, string>> = {
  comment: "token-comment",
  string: "token-string",
  number: "token-number",
  keyword: "token-keyword",
  function: "token-function",
  type: "token-type",
  property: "token-property",
};

const keywords = new Set(
  `abstract and as async await break case catch class const continue def default defer del delete do elif else
  end enum except export extends extern final finally fn for from func function go if impl implements import
  in instanceof interface is lambda let loop match mod module mut namespace new not of or package
  pass private protected pub public raise ref return self Self static struct super switch then this throw trait
  try type typeof union unless unsafe use using val var void where while with yield
  echo fi done esac local SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE INDEX JOIN LEFT
  ON AND OR NOT ORDER BY GROUP HAVING LIMIT`.split(/\s+/),
);
const constants = new Set(
  "true false null nil None True False undefined NaN NULL TRUE FALSE".split(" "),
);
const types = new Set(
  `any bool boolean byte bytes char dict double f32 f64 float i8 i16 i32 i64 int isize list long never number object
  rune set short str string tuple u8 u16 u32 u64 unknown usize`.split(/\s+/),
);

/** Languages in which `#` starts a comment. */
const hashLanguages =
  /^(sh|bash|zsh|shell|console|py|python|rb|ruby|ya?ml|toml|ini|r|perl|makefile|dockerfile)$/i;
/** Languages in which `--` starts a comment. */
const dashLanguages = /^(sql|lua|haskell|hs|elm)$/i;
/** Languages with tags and attributes. */
const tagLanguages = /^(html?|xml|svg|vue|svelte|jsx|tsx)$/i;
/** Languages in which `$` starts a variable. */
const dollarLanguages =
  /^(sh|bash|zsh|shell|console|php|perl|makefile|dockerfile|powershell|ps1)$/i;
/** Languages in which a line starts with a key. */
const keyLanguages = /^(ya?ml|toml|ini|properties|env|dotenv|css|scss|less)$/i;
/** Languages in which calls and types look like other words. */
const dataLanguages = /^(json[c5]?|ya?ml|toml|ini|properties|env|dotenv|html?|xml|svg|sql)$/i;
/** Languages without highlighting. */
const plainLanguages = /^(text|txt|plain|plaintext|markdown|md|diff|patch|log|output)$/i;

/** Longer code is not highlighted, to avoid delays. */
const MAX_LENGTH = 20_000;

const STRING = String.raw`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'(?!\w)|${"`"}(?:[^${"`"}\\]|\\.)*${"`"}`;

function commentOf(language: string): string {
  if (hashLanguages.test(language)) return String.raw`(?:^|(?<=\s))#[^\n]*`;
  if (dashLanguages.test(language)) return String.raw`--[^\n]*`;
  return String.raw`\/\/[^\n]*|\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->`;
}

/** Returns the patterns of keys, attributes, and variables. */
function propertiesOf(language: string): readonly string[] {
  return [
    // Keys of objects, as in `"key": 1`.
    String.raw`"(?:[^"\\\n]|\\.)*"(?=:)`,
    // Decorators.
    String.raw`(?<![\w.])@[A-Za-z_][\w.]*`,
    ...(keyLanguages.test(language)
      ? [String.raw`(?<=^[ \t]*(?:- +)?)[\w.-]+(?=[ \t]*[:=](?!:))`]
      : []),
    ...(tagLanguages.test(language) ? [String.raw`(?<=\s)[A-Za-z_:][\w:.-]*(?==["'{])`] : []),
    ...(dollarLanguages.test(language) ? [String.raw`\$(?:\w+|\{[^}\n]*\})`] : []),
  ];
}

function patternFor(language: string): RegExp {
  const tag = tagLanguages.test(language) ? String.raw`(?<tag>(?<=<\/?)[A-Za-z][\w.-]*)|` : "";
  return new RegExp(
    `(?<comment>${commentOf(language)})|${tag}(?<property>${propertiesOf(language).join("|")})|` +
      `(?<string>${STRING})|(?<number>\\b\\d[\\w.]*)|(?<word>[A-Za-z_$][\\w$]*)`,
    "gm",
  );
}

/** Returns the kind of a word, which the character after it helps to find. */
function kindOfWord(word: string, code: string, end: number, language: string): Token["kind"] {
  if (constants.has(word)) return "number";
  if (keywords.has(word)) return "keyword";
  if (dataLanguages.test(language)) return "plain";
  if (types.has(word)) return "type";
  // The parenthesis of a call, or the one after the `!` of a macro.
  if (code[end] === "(" || (code[end] === "!" && /[([{]/.test(code[end + 1] ?? "")))
    return "function";
  return /^[A-Z][A-Za-z\d]*[a-z]/.test(word) ? "type" : "plain";
}

function kindOf(match: RegExpMatchArray, code: string, language: string): Token["kind"] {
  const groups = match.groups ?? {};
  const text = match[0];
  if (groups.comment) return "comment";
  if (groups.tag) return "keyword";
  if (groups.property) return "property";
  if (groups.string) return "string";
  if (groups.number) return "number";
  return kindOfWord(text, code, (match.index ?? 0) + text.length, language);
}

export function tokenize(code: string, language: string | undefined): readonly Token[] {
  if (!language || plainLanguages.test(language) || code.length > MAX_LENGTH)
    return [{ kind: "plain", text: code }];
  const tokens: Token[] = [];
  let end = 0;
  for (const match of code.matchAll(patternFor(language))) {
    const kind = kindOf(match, code, language);
    if (kind === "plain") continue;
    if (match.index > end) tokens.push({ kind: "plain", text: code.slice(end, match.index) });
    tokens.push({ kind, text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < code.length) tokens.push({ kind: "plain", text: code.slice(end) });
  return tokens;
}

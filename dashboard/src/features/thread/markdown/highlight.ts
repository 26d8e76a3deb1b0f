/**
 * Finds the tokens to highlight in code: comments, strings, numbers, and keywords. The patterns are
 * approximations that suit most languages. They never change the text.
 */

export interface Token {
  readonly kind: "plain" | "comment" | "string" | "number" | "keyword";
  readonly text: string;
}

const keywords = new Set(
  `abstract and as async await break case catch class const continue def default defer del delete do elif else
  end enum except export extends extern false final finally fn for from func function go if impl implements import
  in instanceof interface is lambda let loop match mod module mut namespace new nil None not null of or package
  pass private protected pub public raise ref return self Self static struct super switch then this throw trait
  true True False try type typeof undefined union unless unsafe use using val var void where while with yield
  echo export fi done esac local SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE INDEX JOIN LEFT
  ON AND OR NOT NULL ORDER BY GROUP LIMIT`.split(/\s+/),
);

/** Languages in which `#` starts a comment. */
const hashLanguages =
  /^(sh|bash|zsh|shell|console|py|python|rb|ruby|ya?ml|toml|ini|r|perl|makefile|dockerfile)$/i;
/** Languages in which `--` starts a comment. */
const dashLanguages = /^(sql|lua|haskell|hs|elm)$/i;
/** Languages without highlighting. */
const plainLanguages = /^(text|txt|plain|plaintext|markdown|md|diff|log|output)$/i;

/** Longer code is not highlighted, to avoid delays. */
const MAX_LENGTH = 20_000;

const shared = String.raw`(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'(?!\w)|${"`"}(?:[^${"`"}\\]|\\.)*${"`"})|(?<number>\b\d[\w.]*)|(?<word>[A-Za-z_$][\w$]*)`;

function patternFor(language: string): RegExp {
  const comment = hashLanguages.test(language)
    ? "(?:^|(?<=\\s))#[^\\n]*"
    : dashLanguages.test(language)
      ? "--[^\\n]*"
      : "\\/\\/[^\\n]*|\\/\\*[\\s\\S]*?\\*\\/|<!--[\\s\\S]*?-->";
  return new RegExp(`(?<comment>${comment})|${shared}`, "gm");
}

export function tokenize(code: string, language: string | undefined): readonly Token[] {
  if (!language || plainLanguages.test(language) || code.length > MAX_LENGTH)
    return [{ kind: "plain", text: code }];
  const tokens: Token[] = [];
  let end = 0;
  for (const match of code.matchAll(patternFor(language))) {
    const groups = match.groups ?? {};
    const text = match[0];
    const kind = groups.comment
      ? "comment"
      : groups.string
        ? "string"
        : groups.number
          ? "number"
          : keywords.has(text)
            ? "keyword"
            : null;
    if (!kind) continue;
    if (match.index > end) tokens.push({ kind: "plain", text: code.slice(end, match.index) });
    tokens.push({ kind, text });
    end = match.index + text.length;
  }
  if (end < code.length) tokens.push({ kind: "plain", text: code.slice(end) });
  return tokens;
}

/** The extensions of languages whose names are not extensions themselves. */
const extensions: Readonly<Record<string, string>> = {
  bash: "sh",
  "c++": "cpp",
  "c#": "cs",
  clojure: "clj",
  csharp: "cs",
  elixir: "ex",
  erlang: "erl",
  fsharp: "fs",
  golang: "go",
  haskell: "hs",
  javascript: "js",
  julia: "jl",
  kotlin: "kt",
  markdown: "md",
  mermaid: "mmd",
  "objective-c": "m",
  objectivec: "m",
  ocaml: "ml",
  perl: "pl",
  powershell: "ps1",
  protobuf: "proto",
  python: "py",
  ruby: "rb",
  rust: "rs",
  shell: "sh",
  typescript: "ts",
  viml: "vim",
  yml: "yaml",
  zsh: "sh",
};
/** Languages that are not written to files with their name as the extension. */
const PLAIN = new Set(["console", "output", "plain", "plaintext", "shell-session", "text"]);
/** A name with an extension, or one of those without. It may follow folders. */
const FILE_NAME =
  /^(?:.*[\\/])?((?!\.\.)[^\\/:*?"<>|\s\p{C}][^\\/:*?"<>|\p{C}]*\.[\w+-]{1,12}|Dockerfile|Makefile|\.\w[\w.-]*)$/u;
const MAX_LENGTH = 100;

/** An attribute with a name, which may follow other attributes. */
const NAMED = /(?:^|\s)(?:title|filename|file)=(?:"([^"]+)"|'([^']+)'|([^\s"']+))/;
/** Attributes after a name: words, values, and lines in braces, such as `showLineNumbers {1,3-4}`. */
const MORE = /(?:\s+(?:[a-z]+[A-Z]\w*|[\w-]+=(?:"[^"]*"|'[^']*'|\S+)|\{[^}]*\}))+$/;

/** Returns the name of a code block, which may be given as an attribute, such as `title="main.rs"`. */
export function codeName(name: string | undefined): string {
  const info = name?.trim() ?? "";
  const [, double, single, bare] = NAMED.exec(info) ?? [];
  return double ?? single ?? bare ?? info.replace(MORE, "");
}

/**
 * Returns the name of a file for a code block: the block's name if it is that of a file, or else
 * `code` with the extension of the language.
 */
export function codeFileName(name: string | undefined, language: string | undefined): string {
  const file = FILE_NAME.exec(codeName(name))?.[1];
  if (file && file.length <= MAX_LENGTH) return file;
  const known = (language ?? "").toLowerCase();
  const extension =
    (Object.hasOwn(extensions, known) ? extensions[known] : undefined) ??
    (/^[a-z0-9]{1,10}$/.test(known) && !PLAIN.has(known) ? known : "txt");
  return `code.${extension}`;
}

import { afterAll, describe, expect, it } from "vitest";
import { formatElapsed } from "@/time";
import { showLanguage, texts } from ".";
import { english } from "./en";
import { type Language, languageTags } from "./language";

type Text = string | ((...values: unknown[]) => string);

/** Texts that are the same in English and another language, such as names and loanwords. */
const SHARED: Readonly<Record<Exclude<Language, "en">, readonly string[]>> = {
  de: [
    "app.name",
    "archive.formats.json",
    "archive.formats.markdown",
    "common.comma",
    "common.period",
    "duration.separator",
    "diff.minus",
    "diff.plus",
    "files.agent",
    "keys.Escape",
    "palette.agentFilter",
    "palette.chats",
    "plan.label",
    "plan.progress",
    "reading.tableFormats.csv",
    "reading.tableFormats.markdown",
    "sessions.active",
    "settings.auto",
    "settings.systemLanguage",
    "thread.code",
    "thread.details",
    "thread.label",
  ],
  ja: [
    "app.name",
    "archive.formats.json",
    "archive.formats.markdown",
    "diff.minus",
    "diff.plus",
    "keys.End",
    "keys.Enter",
    "keys.Escape",
    "keys.Home",
    "keys.Mod",
    "keys.Shift",
    "plan.progress",
    "reading.tableFormats.csv",
    "reading.tableFormats.markdown",
    "reading.zoomLevel",
  ],
};

/** Arguments for functions that do not accept numbers. */
const ARGUMENTS: Readonly<Record<string, readonly unknown[]>> = {
  "composer.hintMod": ["Mod+Enter", true],
  "selection.failedChats": [["First", "Second"]],
};

/** Returns the texts of a catalog by path, such as "settings.title". */
function flatten(catalog: object, path = ""): Map<string, Text> {
  const found = new Map<string, Text>();
  for (const [key, value] of Object.entries(catalog)) {
    const inner = path === "" ? key : `${path}.${key}`;
    if (typeof value === "object") for (const entry of flatten(value, inner)) found.set(...entry);
    else found.set(inner, value);
  }
  return found;
}

/** Returns the arguments for a function: one-digit numbers, which look the same in every language. */
function argumentsOf(path: string, text: Text): readonly unknown[] {
  if (typeof text === "string") return [];
  return ARGUMENTS[path] ?? Array.from({ length: Math.max(1, text.length) }, (_, i) => i + 3);
}

const show = (text: Text, values: readonly unknown[]) =>
  typeof text === "string" ? text : text(...values);

const source = flatten(english);

afterAll(() => showLanguage("en"));

describe.each(languageTags.filter((tag) => tag !== "en"))("the catalog %s", (language) => {
  it("has the same keys as the English one", async () => {
    await showLanguage(language);

    expect([...flatten(texts).keys()].sort()).toEqual([...source.keys()].sort());
  });

  it("has no English texts", async () => {
    await showLanguage("en");
    const inEnglish = new Map(
      [...source].map(([path, text]) => [path, show(text, argumentsOf(path, text))]),
    );
    await showLanguage(language);

    const same = [...flatten(texts)].filter(
      ([path, text]) =>
        show(text, argumentsOf(path, source.get(path) ?? "")) === inEnglish.get(path),
    );

    expect(same.map(([path]) => path).sort()).toEqual([...(SHARED[language as "de"] ?? [])].sort());
  });

  it("shows every value that the English texts show", async () => {
    await showLanguage(language);

    for (const [path, text] of flatten(texts)) {
      const original = source.get(path) ?? "";
      for (const value of argumentsOf(path, original)) {
        if (typeof value !== "number") continue;
        const values = argumentsOf(path, original);
        if (show(original, values).includes(String(value)))
          expect(show(text, values), path).toContain(String(value));
      }
    }
  });

  it("uses typographic apostrophes and ellipses", async () => {
    await showLanguage(language);

    for (const [path, text] of flatten(texts))
      expect(show(text, argumentsOf(path, source.get(path) ?? "")), path).not.toMatch(
        /['"]|\.\.\./,
      );
  });
});

describe("showLanguage", () => {
  it("sets the language and the direction of the document", async () => {
    await showLanguage("de");

    expect(document.documentElement.lang).toBe("de");
    expect(document.documentElement.dir).toBe("ltr");
    expect(texts.settings.title).toBe("Einstellungen");
    expect(formatElapsed(125_000)).toBe("2\u00a0min 5\u00a0s");
  });

  it("shows the language that was requested last", async () => {
    await Promise.all([showLanguage("ja"), showLanguage("en")]);

    expect(texts.settings.title).toBe("Settings");
    expect(document.documentElement.lang).toBe("en");
  });
});

// @vitest-environment node
import { describe, expect, it } from "vitest";
import { chooseLanguage, chooseLocale, directionOf } from "./language";

describe("chooseLanguage", () => {
  it("returns the first preferred language that is supported", () => {
    expect(chooseLanguage(["fr-FR", "de-AT", "en"])).toBe("de");
    expect(chooseLanguage(["ja"])).toBe("ja");
  });

  it("returns English if no preferred language is supported", () => {
    expect(chooseLanguage(["fr", "C", "toString"])).toBe("en");
    expect(chooseLanguage([])).toBe("en");
  });
});

describe("chooseLocale", () => {
  it("returns the preferred variant of the language", () => {
    expect(chooseLocale("en", ["de-DE", "en-GB", "en-US"])).toBe("en-GB");
    expect(chooseLocale("de", ["de-AT", "en"])).toBe("de-AT");
  });

  it("returns the language if no variant is preferred", () => {
    expect(chooseLocale("en", ["ar-EG", "de"])).toBe("en");
    expect(chooseLocale("en", [])).toBe("en");
  });

  it("ignores malformed tags and tags that only start with the same letters", () => {
    expect(chooseLocale("en", ["C", "en_US", "enm"])).toBe("en");
  });
});

describe("directionOf", () => {
  it("returns the direction of the script", () => {
    expect(directionOf("he")).toBe("rtl");
    expect(directionOf("ja")).toBe("ltr");
  });
});

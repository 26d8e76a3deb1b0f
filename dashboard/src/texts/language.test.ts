// @vitest-environment node
import { describe, expect, it } from "vitest";
import { chooseFormat } from "./language";

describe("chooseFormat", () => {
  it("returns the preferred variant of the catalog's language", () => {
    expect(chooseFormat("en", ["de-DE", "en-GB", "en-US"])).toBe("en-GB");
    expect(chooseFormat("de", ["de-AT", "en"])).toBe("de-AT");
  });

  it("returns the catalog's language if no variant is preferred", () => {
    expect(chooseFormat("en", ["ar-EG", "de"])).toBe("en");
    expect(chooseFormat("en", [])).toBe("en");
  });

  it("ignores malformed tags and tags that only start with the same letters", () => {
    expect(chooseFormat("en", ["C", "en_US", "enm"])).toBe("en");
  });
});

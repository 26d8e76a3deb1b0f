import { afterEach, describe, expect, it } from "vitest";
import { formatDay, formatMonth } from "@/time";
import { formatList, formatNumber, plural } from "./formats";
import { setLocale } from "./language";

afterEach(() => setLocale("en"));

describe("plural", () => {
  it("chooses the form by the rules of the language", () => {
    const forms = { one: "# файл", few: "# файла", many: "# файлов", other: "# файла" };
    setLocale("ru");

    expect([1, 3, 5, 21].map((count) => plural(count, forms))).toEqual([
      "1 файл",
      "3 файла",
      "5 файлов",
      "21 файл",
    ]);
  });

  it("returns the other form for categories without a form", () => {
    setLocale("ru");

    expect(plural(5, { one: "one", other: "other" })).toBe("other");
  });

  it("formats the number", () => {
    expect(plural(1234, { one: "# chat", other: "# chats" })).toBe("1,234 chats");
  });
});

describe("formats", () => {
  const date = new Date(2026, 2, 3, 15, 0).toISOString();
  const now = new Date(2026, 2, 12, 12).getTime();

  it("follow the language", () => {
    setLocale("de");
    expect(formatNumber(12345.5)).toBe("12.345,5");
    expect(formatList(["A", "B"])).toBe("A und B");
    expect(formatMonth(date)).toBe("März 2026");
    expect(formatDay(date, now)).toBe("Dienstag, 3. März");

    setLocale("ja");
    expect(formatMonth(date)).toBe("2026年3月");
  });
});

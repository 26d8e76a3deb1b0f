// @vitest-environment node
import { describe, expect, it } from "vitest";
import { locale } from "./texts/language";
import { formatDay, formatElapsed, formatListTime, isSameDay } from "./time";

/** Returns noon in the local time zone, so that the tests pass in every time zone. */
const noon = (year: number, month: number, day: number) => new Date(year, month - 1, day, 12);
const now = noon(2026, 3, 12).getTime();
const daysAgo = (days: number) => noon(2026, 3, 12 - days).toISOString();

const format = (options: Intl.DateTimeFormatOptions, date: Date) =>
  new Intl.DateTimeFormat(locale, options).format(date);

describe("formatListTime", () => {
  it("returns the time today, the weekday this week, and otherwise the date", () => {
    expect(formatListTime(new Date(now - 5000).toISOString(), now)).toBe("now");
    expect(formatListTime(new Date(now - 3_600_000).toISOString(), now)).toBe(
      format({ hour: "numeric", minute: "2-digit" }, new Date(now - 3_600_000)),
    );
    expect(formatListTime(daysAgo(3), now)).toBe(format({ weekday: "short" }, noon(2026, 3, 9)));
    expect(formatListTime(daysAgo(30), now)).toBe(
      format({ day: "numeric", month: "short" }, noon(2026, 2, 10)),
    );
  });

  it("includes the year of a date in another year", () => {
    expect(formatListTime(noon(2025, 12, 24).toISOString(), now)).toContain("2025");
  });

  it("returns now for a time in the future", () => {
    expect(formatListTime(new Date(now + 90_000).toISOString(), now)).toBe("now");
  });
});

describe("formatDay", () => {
  it("returns words for today and yesterday", () => {
    expect(formatDay(daysAgo(0), now)).toBe("Today");
    expect(formatDay(daysAgo(1), now)).toBe("Yesterday");
    expect(formatDay(daysAgo(2), now)).toContain("March");
  });

  it("counts calendar days rather than 24 hours", () => {
    const late = new Date(2026, 2, 11, 23, 59).toISOString();
    const early = new Date(2026, 2, 12, 0, 1);

    expect(isSameDay(late, early.toISOString())).toBe(false);
    expect(formatDay(late, early.getTime())).toBe("Yesterday");
  });
});

describe("formatElapsed", () => {
  it("returns the two largest units", () => {
    expect(formatElapsed(400)).toBe("0s");
    expect(formatElapsed(38_900)).toBe("38s");
    expect(formatElapsed(125_000)).toBe("2m 5s");
    expect(formatElapsed(3_780_000)).toBe("1h 3m");
  });

  it("returns zero for a negative duration", () => {
    expect(formatElapsed(-5000)).toBe("0s");
  });
});

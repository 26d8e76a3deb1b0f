/** Formats times with `Intl` in the language of the texts and the browser's time zone. */
import { texts } from "./texts";
import { formatNumber, perLocale } from "./texts/formats";
import { locale } from "./texts/language";

/** Returns a function that formats a time with the options. */
function dateFormat(options: Intl.DateTimeFormatOptions): (time: Date) => string {
  const format = perLocale((tag) => new Intl.DateTimeFormat(tag, options));
  return (time) => format().format(time);
}

const clock = dateFormat({ hour: "numeric", minute: "2-digit" });
const weekday = dateFormat({ weekday: "short" });
const shortDate = dateFormat({ day: "numeric", month: "short" });
const longDate = dateFormat({ weekday: "long", day: "numeric", month: "long" });
const fullDate = dateFormat({ day: "numeric", month: "short", year: "numeric" });
const moment = dateFormat({ day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
const month = dateFormat({ month: "long", year: "numeric" });
const exact = dateFormat({ dateStyle: "full", timeStyle: "medium" });
const relative = perLocale((tag) => new Intl.RelativeTimeFormat(tag, { numeric: "auto" }));

const DAY_MS = 86_400_000;

/** Returns the number of calendar days from `time` to `now` in the local time zone. */
function daysBetween(time: Date, now: Date): number {
  const start = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((start(now).getTime() - start(time).getTime()) / DAY_MS);
}

function capitalize(text: string): string {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}

export function formatClock(iso: string): string {
  return clock(new Date(iso));
}

/** Formats a time on another day, such as "Mar 3, 3:00 PM". */
export function formatMoment(iso: string): string {
  return moment(new Date(iso));
}

export function formatExact(iso: string): string {
  return exact(new Date(iso));
}

/** Formats a month for a heading, such as "March 2026". */
export function formatMonth(iso: string): string {
  return month(new Date(iso));
}

/** Formats a time for the chat list, such as "now", "11:38 AM", "Sat", or "Mar 3". */
export function formatListTime(iso: string, nowMs: number): string {
  const time = new Date(iso);
  const now = new Date(nowMs);
  if (nowMs - time.getTime() < 60_000) return relative().format(0, "second");
  const days = daysBetween(time, now);
  if (days <= 0) return clock(time);
  if (days < 7) return weekday(time);
  return (time.getFullYear() === now.getFullYear() ? shortDate : fullDate)(time);
}

/** Formats a day for a heading, such as "Today", "Yesterday", or "Monday, March 3". */
export function formatDay(iso: string, nowMs: number): string {
  const time = new Date(iso);
  const now = new Date(nowMs);
  const days = daysBetween(time, now);
  if (days < 2) return capitalize(relative().format(-Math.max(0, days), "day"));
  return (time.getFullYear() === now.getFullYear() ? longDate : fullDate)(time);
}

export function isSameDay(a: string, b: string): boolean {
  return daysBetween(new Date(a), new Date(b)) === 0;
}

/** Formats a duration, such as "0s", "38s", "2m 5s", or "1h 3m". */
export function formatElapsed(ms: number): string {
  const { hours, minutes, seconds, separator } = texts.duration;
  const whole = Math.max(0, Math.floor(ms / 1000));
  const show = (count: number, unit: string) => formatNumber(count) + unit;
  if (whole < 60) return show(whole, seconds);
  const inMinutes = Math.floor(whole / 60);
  const parts =
    inMinutes < 60
      ? [show(inMinutes, minutes), show(whole % 60, seconds)]
      : [show(Math.floor(inMinutes / 60), hours), show(inMinutes % 60, minutes)];
  return parts.join(separator);
}

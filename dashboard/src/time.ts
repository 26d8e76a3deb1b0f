/** Formats times with `Intl` in the language of the texts and the browser's time zone. */
import { language } from "./texts/language";

const clock = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(language, { weekday: "short" });
const shortDate = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const longDate = new Intl.DateTimeFormat(language, {
  weekday: "long",
  day: "numeric",
  month: "long",
});
const fullDate = new Intl.DateTimeFormat(language, {
  day: "numeric",
  month: "short",
  year: "numeric",
});
const moment = new Intl.DateTimeFormat(language, {
  day: "numeric",
  month: "short",
  hour: "numeric",
  minute: "2-digit",
});
const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

const DAY_MS = 86_400_000;

/** Returns the number of calendar days from `time` to `now` in the local time zone. */
function daysBetween(time: Date, now: Date): number {
  const start = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((start(now).getTime() - start(time).getTime()) / DAY_MS);
}

function capitalize(text: string): string {
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}

export function formatClock(iso: string): string {
  return clock.format(new Date(iso));
}

/** Formats a time on another day, such as "Mar 3, 3:00 PM". */
export function formatMoment(iso: string): string {
  return moment.format(new Date(iso));
}

export function formatExact(iso: string): string {
  return exact.format(new Date(iso));
}

/** Formats a time for the chat list, such as "now", "11:38 AM", "Sat", or "Mar 3". */
export function formatListTime(iso: string, nowMs: number): string {
  const time = new Date(iso);
  const now = new Date(nowMs);
  if (nowMs - time.getTime() < 60_000) return relative.format(0, "second");
  const days = daysBetween(time, now);
  if (days <= 0) return clock.format(time);
  if (days < 7) return weekday.format(time);
  return (time.getFullYear() === now.getFullYear() ? shortDate : fullDate).format(time);
}

/** Formats a day for a heading, such as "Today", "Yesterday", or "Monday, March 3". */
export function formatDay(iso: string, nowMs: number): string {
  const time = new Date(iso);
  const now = new Date(nowMs);
  const days = daysBetween(time, now);
  if (days < 2) return capitalize(relative.format(-Math.max(0, days), "day"));
  return (time.getFullYear() === now.getFullYear() ? longDate : fullDate).format(time);
}

export function isSameDay(a: string, b: string): boolean {
  return daysBetween(new Date(a), new Date(b)) === 0;
}

const unit = (name: string) =>
  new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "narrow" });
const hours = unit("hour");
const minutes = unit("minute");
const seconds = unit("second");

/** Formats a duration, such as "0s", "38s", "2m 5s", or "1h 3m". */
export function formatElapsed(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  if (whole < 60) return seconds.format(whole);
  const inMinutes = Math.floor(whole / 60);
  if (inMinutes < 60) return `${minutes.format(inMinutes)} ${seconds.format(whole % 60)}`;
  return `${hours.format(Math.floor(inMinutes / 60))} ${minutes.format(inMinutes % 60)}`;
}

/**
 * Tracks the server's clock, so that elapsed times are correct even if the device's clock is wrong.
 */
import { useEffect, useState } from "react";
import { createEmitter } from "@/observable";

/** Smaller corrections do not trigger an update. */
const NOTABLE_MS = 1000;

let offsetMs = 0;
const corrections = createEmitter();

/** Sets the clock from an event that was just created. */
export function noteServerTime(at: string): void {
  const time = Date.parse(at);
  if (Number.isNaN(time)) return;
  const correction = time - serverNow();
  offsetMs += correction;
  if (Math.abs(correction) >= NOTABLE_MS) corrections.emit();
}

export function serverNow(): number {
  return Date.now() + offsetMs;
}

/**
 * Returns the server's time in milliseconds since the Unix epoch. The value is updated every
 * `everyMs` milliseconds and after a notable correction.
 */
export function useServerNow(everyMs: number): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const renew = () => setNow(serverNow());
    renew();
    const timer = setInterval(renew, everyMs);
    const unsubscribe = corrections.subscribe(renew);
    return () => {
      clearInterval(timer);
      unsubscribe();
    };
  }, [everyMs]);
  return now;
}

/** The server's clock, so that elapsed times are right on a device whose own clock is not. */
import { useEffect, useState } from "react";
import { createEmitter } from "@/observable";

/** A smaller correction is nothing that somebody who looks at the page could see. */
const NOTABLE_MS = 1000;

let offsetMs = 0;
const corrections = createEmitter();

/** Learns from an event that was made just now. */
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

/** The server's time, renewed every `everyMs` and when this device turns out to be wrong. */
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

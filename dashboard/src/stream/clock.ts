/** The server's clock, so that elapsed times are right on a device whose own clock is not. */
import { useEffect, useState } from "react";

let offsetMs = 0;

/** Learns from an event that was made just now. */
export function noteServerTime(at: string): void {
  const time = Date.parse(at);
  if (!Number.isNaN(time)) offsetMs = time - Date.now();
}

export function serverNow(): number {
  return Date.now() + offsetMs;
}

/** The server's time, renewed every `everyMs`. */
export function useServerNow(everyMs: number): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    setNow(serverNow());
    const timer = setInterval(() => setNow(serverNow()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

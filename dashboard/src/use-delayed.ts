import { useEffect, useState } from "react";

/** Returns whether `isActive` has been true for at least `ms` milliseconds. */
export function useDelayed(isActive: boolean, ms: number): boolean {
  const [isElapsed, setElapsed] = useState(false);
  useEffect(() => {
    if (!isActive) return setElapsed(false);
    const timer = setTimeout(() => setElapsed(true), ms);
    return () => clearTimeout(timer);
  }, [isActive, ms]);
  return isActive && isElapsed;
}

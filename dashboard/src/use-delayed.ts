import { useEffect, useState } from "react";

/** Returns true once `isActive` has been true for `ms` milliseconds. */
export function useDelayed(isActive: boolean, ms: number): boolean {
  const [isElapsed, setElapsed] = useState(false);
  useEffect(() => {
    if (!isActive) return setElapsed(false);
    const timer = setTimeout(() => setElapsed(true), ms);
    return () => clearTimeout(timer);
  }, [isActive, ms]);
  return isActive && isElapsed;
}

import { useEffect, useState } from "react";

/** Returns whether `isLasting` has been true for at least `ms`. */
export function useAfter(ms: number, isLasting: boolean): boolean {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    if (!isLasting) return setLong(false);
    const timer = setTimeout(() => setLong(true), ms);
    return () => clearTimeout(timer);
  }, [ms, isLasting]);
  return isLasting && isLong;
}

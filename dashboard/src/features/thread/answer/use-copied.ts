import { useEffect, useState } from "react";

/** How long a button shows that it has copied something. */
const SHOWN_MS = 1500;

/**
 * Returns what was copied last, which is null again after a while, and the function that records it.
 */
export function useCopied<What>(): readonly [What | null, (what: What) => void] {
  const [copied, setCopied] = useState<What | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return [copied, (what) => setCopied(() => what)];
}

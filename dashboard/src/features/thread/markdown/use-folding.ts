import { type HTMLAttributes, type RefAttributes, useEffect, useRef, useState } from "react";

/** Code with more lines than this is folded. The number of visible lines is in styles/code.css. */
const MAX_LINES = 40;

interface Folding {
  /** Whether the code is long enough to be folded, and not being streamed. */
  readonly isLong: boolean;
  readonly isFolded: boolean;
  readonly lineCount: number;
  readonly toggle: () => void;
  /** The properties of the element that is folded. */
  readonly properties: RefAttributes<HTMLDivElement> & HTMLAttributes<HTMLDivElement>;
}

/** Folds long code until the user unfolds it or a search finds text in its hidden part. */
export function useFolding(code: string, isFoldable: boolean, isStreaming: boolean): Folding {
  const lineCount = code.split("\n").length;
  const isLong = isFoldable && lineCount > MAX_LINES;
  // Code that was streamed stays unfolded, because the user may be reading it.
  const [isUnfolded, setUnfolded] = useState(isStreaming);
  const folded = useRef<HTMLDivElement>(null);
  const isFolded = isLong && !isStreaming && !isUnfolded;

  useEffect(() => {
    const element = folded.current;
    if (!element || !isFolded) return;
    const unfold = () => {
      element.scrollTop = 0;
      setUnfolded(true);
    };
    // The page's search emits this event, and the browser's search scrolls to the match.
    element.addEventListener("beforematch", unfold);
    element.addEventListener("scroll", unfold);
    return () => {
      element.removeEventListener("beforematch", unfold);
      element.removeEventListener("scroll", unfold);
    };
  }, [isFolded]);

  return {
    isLong: isLong && !isStreaming,
    isFolded,
    lineCount,
    toggle: () => setUnfolded(!isUnfolded),
    properties: { ref: folded, className: isFolded ? "folded-code" : "" },
  };
}

import { type HTMLAttributes, type RefAttributes, useEffect, useRef, useState } from "react";

/** Code with more lines than this is folded. The number of visible lines is in styles/code.css. */
const MAX_LINES = 40;
/** The part of a block's code that identifies the block, in UTF-16 code units. */
const KEY_LENGTH = 400;

/**
 * The blocks that have been streamed since they were last rendered. Such a block stays unfolded when
 * its answer is finished, because the user may be reading it.
 */
const streamed = new Set<string>();

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
  const key = code.slice(0, KEY_LENGTH);
  const isLong = isFoldable && lineCount > MAX_LINES;
  const [isUnfolded, setUnfolded] = useState(() => isStreaming || streamed.has(key));
  const folded = useRef<HTMLDivElement>(null);
  const isFolded = isLong && !isStreaming && !isUnfolded;

  useEffect(() => {
    if (!isLong) return;
    if (isStreaming) streamed.add(key);
    else streamed.delete(key);
  }, [key, isLong, isStreaming]);

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

import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** Nearer to the end than this counts as being at the end. */
const NEAR_PX = 48;

/**
 * Keeps a scroller at its end while the content grows, unless the reader has scrolled up.
 * Content added above (`firstKey` changes) does not move what is being read.
 */
export function useStickToBottom(
  scroller: RefObject<HTMLElement | null>,
  content: RefObject<HTMLElement | null>,
  firstKey: number | undefined,
) {
  const isStuck = useRef(true);
  const lastTop = useRef(0);
  const known = useRef<{ firstKey: number | undefined; height: number }>({
    firstKey,
    height: 0,
  });
  const [isAtBottom, setAtBottom] = useState(true);

  const toBottom = useCallback(
    (behavior: ScrollBehavior = "instant") => {
      const element = scroller.current;
      if (!element) return;
      isStuck.current = true;
      setAtBottom(true);
      element.scrollTo({ top: element.scrollHeight, behavior });
    },
    [scroller],
  );

  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
    const isUpwards = element.scrollTop < lastTop.current;
    lastTop.current = element.scrollTop;
    if (distance < NEAR_PX) isStuck.current = true;
    else if (isUpwards) isStuck.current = false;
    setAtBottom(isStuck.current);
  }, [scroller]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const before = known.current;
    const isPrepended =
      before.firstKey !== undefined && firstKey !== undefined && firstKey < before.firstKey;
    if (isPrepended && !isStuck.current) element.scrollTop += element.scrollHeight - before.height;
    known.current = { firstKey, height: element.scrollHeight };
  });

  useEffect(() => {
    const element = scroller.current;
    const inner = content.current;
    if (!element || !inner) return;
    const observer = new ResizeObserver(() => {
      if (isStuck.current) element.scrollTop = element.scrollHeight;
      known.current.height = element.scrollHeight;
    });
    observer.observe(inner);
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller, content]);

  return { isAtBottom, toBottom, onScroll };
}

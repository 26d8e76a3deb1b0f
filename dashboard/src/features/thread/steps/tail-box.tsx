import { type ReactNode, useLayoutEffect, useRef } from "react";
import { AT_END, recallPosition, rememberPosition } from "./step-memory";

/** A box scrolled to within this distance of its end counts as scrolled to its end. */
const NEAR_PX = 24;

/**
 * A box that scrolls independently. While `isGrowing` is true, it stays scrolled to its end unless
 * the user scrolls up.
 */
export function TailBox(props: {
  label: string;
  isGrowing: boolean;
  /** The key under which the position is remembered, or null. */
  memoryKey: string | null;
  className: string;
  children: ReactNode;
}) {
  const { isGrowing, memoryKey } = props;
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(isGrowing);
  const lastTop = useRef(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !content.current) return;
    const position = recallPosition(memoryKey);
    if (position !== undefined) {
      isFollowing.current = position === AT_END;
      lastTop.current = isFollowing.current ? 0 : position;
      element.scrollTop = lastTop.current;
    }
    const observer = new ResizeObserver(() => {
      if (isFollowing.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(content.current);
    return () => {
      observer.disconnect();
      rememberPosition(memoryKey, isFollowing.current ? AT_END : lastTop.current);
    };
  }, [memoryKey]);
  function onScroll() {
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = box.current ?? {};
    // Content that grows moves the end away without scrolling.
    if (scrollTop < lastTop.current) isFollowing.current = false;
    if (isGrowing && scrollHeight - scrollTop - clientHeight < NEAR_PX) isFollowing.current = true;
    lastTop.current = scrollTop;
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: there are no form fields
    <div
      ref={box}
      role="group"
      aria-label={props.label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be focusable.
      tabIndex={0}
      onScroll={onScroll}
      className={`overflow-auto outline-offset-[-2px] ${props.className}`}
    >
      <div ref={content}>{props.children}</div>
    </div>
  );
}

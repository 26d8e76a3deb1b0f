import { type ReactNode, useEffect, useRef } from "react";

/** A box scrolled to within this distance of its end counts as scrolled to its end. */
const NEAR_PX = 24;

/**
 * A box that scrolls independently. While `isGrowing` is true, it stays scrolled to its end unless
 * the user scrolls up.
 */
export function TailBox(props: {
  label: string;
  isGrowing: boolean;
  className: string;
  children: ReactNode;
}) {
  const { isGrowing } = props;
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follows = useRef(isGrowing);
  const lastTop = useRef(0);
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight;
    });
    if (content.current) observer.observe(content.current);
    return () => observer.disconnect();
  }, []);
  function onScroll() {
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = box.current ?? {};
    // Content that grows moves the end away without scrolling.
    if (scrollTop < lastTop.current) follows.current = false;
    if (isGrowing && scrollHeight - scrollTop - clientHeight < NEAR_PX) follows.current = true;
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

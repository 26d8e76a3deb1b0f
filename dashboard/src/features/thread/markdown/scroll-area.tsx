import { type ReactNode, useLayoutEffect, useRef, useState } from "react";

interface Edges {
  /** Whether there is more before or after the visible part. */
  readonly isMoreBefore: boolean;
  readonly isMoreAfter: boolean;
}

const none: Edges = { isMoreBefore: false, isMoreAfter: false };

function readEdges(element: HTMLElement): Edges {
  // The position is negative in right-to-left text.
  const position = Math.abs(element.scrollLeft);
  const end = element.scrollWidth - element.clientWidth;
  return { isMoreBefore: position > 1, isMoreAfter: position < end - 1 };
}

/**
 * Content that scrolls horizontally if it is too wide. An edge beyond which there is more content
 * fades out. Keyboards can scroll the area only then.
 */
export function ScrollArea(props: {
  dir?: string | undefined;
  /** `span` if the area is within a paragraph. */
  as?: "div" | "span";
  children: ReactNode;
}) {
  const Element = props.as ?? "div";
  const area = useRef<HTMLDivElement & HTMLSpanElement>(null);
  const [edges, setEdges] = useState(none);
  const update = () => {
    const next = area.current ? readEdges(area.current) : none;
    setEdges((current) =>
      current.isMoreBefore === next.isMoreBefore && current.isMoreAfter === next.isMoreAfter
        ? current
        : next,
    );
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: `update` depends on nothing.
  useLayoutEffect(() => {
    const element = area.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(update);
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, []);

  const isScrollable = edges.isMoreBefore || edges.isMoreAfter;
  return (
    <Element
      ref={area}
      dir={props.dir}
      onScroll={update}
      tabIndex={isScrollable ? 0 : undefined}
      data-more-before={edges.isMoreBefore ? "" : undefined}
      data-more-after={edges.isMoreAfter ? "" : undefined}
      className="scroll-area"
    >
      {props.children}
    </Element>
  );
}

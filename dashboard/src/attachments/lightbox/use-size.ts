import { type RefObject, useLayoutEffect, useState } from "react";
import type { Size } from "./zoom";

/** Returns the size of the element; null until it is known. */
export function useSize(element: RefObject<HTMLElement | null>): Size | null {
  const [size, setSize] = useState<Size | null>(null);
  useLayoutEffect(() => {
    const { current } = element;
    if (!current) return;
    const update = () => setSize({ width: current.clientWidth, height: current.clientHeight });
    const observer = new ResizeObserver(update);
    observer.observe(current);
    update();
    return () => observer.disconnect();
  }, [element]);
  return size;
}

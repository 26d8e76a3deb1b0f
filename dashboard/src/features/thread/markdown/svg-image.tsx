import { useLayoutEffect, useRef } from "react";

/**
 * An SVG document in a shadow tree, so that its styles and identifiers affect nothing else. Its size
 * is that of its view box unless `className` limits it.
 */
export function SvgImage(props: {
  svg: string;
  label: string;
  className?: string;
  /** The factor by which the image is larger than its view box. */
  scale?: number;
  /** The factor below which `className` cannot shrink the image. */
  minScale?: number;
}) {
  const { svg, scale = 1, minScale = 0 } = props;
  const host = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = host.current;
    if (!element) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    const image = new DOMParser().parseFromString(svg, "text/html").querySelector("svg");
    if (!image) return;
    const { width } = image.viewBox.baseVal;
    image.removeAttribute("height");
    image.style.cssText = "display: block; width: 100%; height: auto; max-width: none";
    root.replaceChildren(image);
    element.style.width = `${width * scale}px`;
    element.style.minWidth = `${width * minScale}px`;
  }, [svg, scale, minScale]);
  return <div ref={host} role="img" aria-label={props.label} className={props.className} />;
}

import { type CSSProperties, memo, useMemo } from "react";
import { renderTerminal } from "./screen";
import type { Color, Style } from "./style";

const names: Readonly<Record<Exclude<keyof Style, "color" | "background">, string>> = {
  isBold: "font-[700]",
  isDim: "ansi-dim",
  isItalic: "italic",
  isUnderlined: "underline",
  isStruck: "line-through",
  isInverse: "ansi-inverse",
};

/**
 * Returns classes for attributes and palette colors, and variables for other colors. The style
 * sheet makes the colors legible.
 */
function lookOf(style: Style) {
  const classes = Object.entries(names)
    .filter(([key]) => key in style)
    .map(([, name]) => name);
  const variables: CSSProperties = {};
  const add = (color: Color | undefined, name: "ansi-color" | "ansi-back") => {
    if (color === undefined) return;
    classes.push(name);
    if (typeof color === "number") classes.push(`${name}-${color}`);
    else variables[`--${name}`] = color;
  };
  add(style.color, "ansi-color");
  add(style.background, "ansi-back");
  return { className: classes.join(" "), style: variables };
}

/** Terminal output with colors, showing the last state of redrawn lines. */
export const TerminalText = memo(function TerminalText({ text }: { text: string }) {
  const spans = useMemo(() => renderTerminal(text), [text]);
  return spans.map(({ text: part, style }, index) => {
    const look = lookOf(style);
    return look.className === "" ? (
      part
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: all spans are replaced together.
      <span key={index} {...look}>
        {part}
      </span>
    );
  });
});

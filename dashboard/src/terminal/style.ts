/** The style of terminal text, as set by SGR sequences (`ESC [ … m`). */

/** The number of a color in the palette (0–15), or any other color as `#rrggbb`. */
export type Color = number | string;

export interface Style {
  readonly color?: Color;
  readonly background?: Color;
  readonly isBold?: boolean;
  readonly isDim?: boolean;
  readonly isItalic?: boolean;
  readonly isUnderlined?: boolean;
  readonly isStruck?: boolean;
  readonly isInverse?: boolean;
}

export const plain: Style = {};

/** The levels of a channel in the color cube of 256-color terminals (16–231). */
const CUBE = [0, 95, 135, 175, 215, 255];

const toHex = (...channels: readonly number[]) =>
  `#${channels.map((one) => Math.min(255, Math.max(0, one)).toString(16).padStart(2, "0")).join("")}`;

function fromIndex(index: number): Color | undefined {
  if (!Number.isInteger(index) || index < 0 || index > 255) return undefined;
  if (index < 16) return index;
  if (index >= 232) {
    const gray = 8 + 10 * (index - 232);
    return toHex(gray, gray, gray);
  }
  const channel = (divisor: number) => CUBE[Math.floor((index - 16) / divisor) % 6] ?? 0;
  return toHex(channel(36), channel(6), channel(1));
}

/**
 * Parses the color after 38 or 48, which is `5;n` or `2;r;g;b`. If the parameters are separated by
 * colons, `2` may be followed by the ID of a color space, which is often empty. Returns the color
 * and the number of values used.
 */
function readColor(values: readonly number[], hasColons: boolean): [Color | undefined, number] {
  if (values[0] === 5) return [fromIndex(values[1] ?? Number.NaN), 2];
  if (values[0] !== 2) return [undefined, 1];
  const start = hasColons && values.length > 4 ? 2 : 1;
  const channels = [0, 1, 2].map((offset) => values[start + offset] ?? 0);
  return [channels.some(Number.isNaN) ? undefined : toHex(...channels), start + 3];
}

/** Returns the changed style, without undefined properties. */
function change(style: Style, over: { [Key in keyof Style]: Style[Key] | undefined }): Style {
  const merged = Object.entries({ ...style, ...over }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(merged);
}

const switches: Readonly<Record<number, Parameters<typeof change>[1]>> = {
  1: { isBold: true },
  2: { isDim: true },
  3: { isItalic: true },
  4: { isUnderlined: true },
  7: { isInverse: true },
  9: { isStruck: true },
  21: { isUnderlined: true },
  22: { isBold: undefined, isDim: undefined },
  23: { isItalic: undefined },
  24: { isUnderlined: undefined },
  27: { isInverse: undefined },
  29: { isStruck: undefined },
  39: { color: undefined },
  49: { background: undefined },
};

function applyCode(style: Style, code: number): Style {
  if (code === 0) return plain;
  if (code >= 30 && code <= 37) return change(style, { color: code - 30 });
  if (code >= 90 && code <= 97) return change(style, { color: code - 82 });
  if (code >= 40 && code <= 47) return change(style, { background: code - 40 });
  if (code >= 100 && code <= 107) return change(style, { background: code - 92 });
  const over = switches[code];
  return over ? change(style, over) : style;
}

/**
 * Applies the parameters of one sequence. A group contains parameters joined by colons; an empty
 * parameter means 0.
 */
export function applyStyle(style: Style, groups: readonly (readonly string[])[]): Style {
  if (groups.length === 0) return plain;
  let next = style;
  for (let at = 0; at < groups.length; at += 1) {
    const group = (groups[at] ?? []).map(Number);
    const code = group[0] ?? 0;
    if (code === 38 || code === 48) {
      const hasColons = group.length > 1;
      const values = hasColons
        ? group.slice(1)
        : groups.slice(at + 1).map((one) => Number(one[0] ?? 0));
      const [color, used] = readColor(values, hasColons);
      if (!hasColons) at += used;
      if (color !== undefined)
        next = change(next, { [code === 38 ? "color" : "background"]: color });
    } else if (code === 4 && group[1] === 0) next = change(next, { isUnderlined: undefined });
    else next = applyCode(next, code);
  }
  return next;
}

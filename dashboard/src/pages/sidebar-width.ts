/** The limits of the sidebar's width, in pixels. On a narrow page, the sidebar fills half of it. */
export const MIN_WIDTH = 256;
export const MAX_WIDTH = 520;

/** Returns the nearest allowed width, in pixels. */
export function clampWidth(width: number): number {
  return Math.round(Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, width)));
}

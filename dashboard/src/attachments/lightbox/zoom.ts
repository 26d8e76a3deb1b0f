/** The part of an image that a lightbox shows. */

/** A point or an offset in CSS pixels. Points are relative to the center of the stage. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A width and a height in CSS pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How an image is placed on the stage. */
export interface View extends Point {
  /** The size relative to the fitted image: 1 or more. `x` and `y` are the image's center. */
  readonly scale: number;
}

/** An image that fits the stage. */
export const FITTED: View = { scale: 1, x: 0, y: 0 };

/** The factor of a zoom button or key. */
export const STEP = 1.5;
/** The scale after a double click, at least. */
const CLOSE_UP = 2.5;
/** The maximum scale of small images. */
const MAX_SCALE = 8;
/** The maximum number of CSS pixels for a pixel of a large image. */
const MAX_MAGNIFICATION = 4;
/** Smaller images are enlarged to this width or height. */
const MIN_PX = 256;

/** Returns the size of an image that fits the stage. Only tiny images are enlarged. */
export function fitSize(image: Size, stage: Size): Size {
  const largest = Math.max(1, MIN_PX / Math.max(image.width, image.height));
  const scale = Math.min(stage.width / image.width, stage.height / image.height, largest);
  return { width: image.width * scale, height: image.height * scale };
}

/** Returns the maximum scale of an image with this fitted width. */
function maxScale(image: Size, fitted: Size): number {
  return Math.max(MAX_SCALE, (MAX_MAGNIFICATION * image.width) / fitted.width);
}

function clamp(value: number, limit: number): number {
  return Math.min(limit, Math.max(0 - limit, value));
}

/** What is shown where: the image at its own size, the fitted image, and the stage. */
export interface Sizes {
  readonly image: Size;
  readonly fitted: Size;
  readonly stage: Size;
}

/** Moves the image. Its edges stay at or beyond those of the stage, or it stays centered. */
export function moveTo(view: View, { x, y }: Point, { fitted, stage }: Sizes): View {
  const limit = (size: number, room: number) => Math.max(0, (size * view.scale - room) / 2);
  return {
    scale: view.scale,
    x: clamp(x, limit(fitted.width, stage.width)),
    y: clamp(y, limit(fitted.height, stage.height)),
  };
}

/** Changes the scale by a factor. What is shown at the point stays there, if possible. */
export function zoomAt(view: View, factor: number, point: Point, sizes: Sizes): View {
  const limit = maxScale(sizes.image, sizes.fitted);
  const scale = Math.min(limit, Math.max(1, view.scale * factor));
  const ratio = scale / view.scale;
  const center = {
    x: point.x - (point.x - view.x) * ratio,
    y: point.y - (point.y - view.y) * ratio,
  };
  return moveTo({ ...view, scale }, center, sizes);
}

/** Returns the view after a double click: a close-up of the point, or the fitted image. */
export function toggleCloseUp(view: View, point: Point, sizes: Sizes): View {
  if (view.scale > 1) return FITTED;
  return zoomAt(view, Math.max(CLOSE_UP, sizes.image.width / sizes.fitted.width), point, sizes);
}

// @vitest-environment node
import { describe, expect, it } from "vitest";
import { FITTED, fitSize, moveTo, toggleCloseUp, zoomAt } from "./zoom";

const stage = { width: 400, height: 300 };
const image = { width: 1600, height: 600 };
const fitted = { width: 400, height: 150 };
const sizes = { image, fitted, stage };
const center = { x: 0, y: 0 };

describe("fitSize", () => {
  it("reduces large images", () => {
    expect(fitSize(image, stage)).toEqual(fitted);
  });

  it("keeps the size of images that fit", () => {
    expect(fitSize({ width: 300, height: 200 }, stage)).toEqual({ width: 300, height: 200 });
  });

  it("enlarges tiny images", () => {
    expect(fitSize({ width: 4, height: 2 }, stage)).toEqual({ width: 256, height: 128 });
  });
});

describe("zoomAt", () => {
  it("keeps what is shown at the point", () => {
    const point = { x: 100, y: 30 };

    const view = zoomAt(FITTED, 4, point, sizes);

    expect(view.scale).toBe(4);
    expect((point.x - view.x) / view.scale).toBeCloseTo(point.x);
    expect((point.y - view.y) / view.scale).toBeCloseTo(point.y);
  });

  it("is limited to the fitted image and to sixteen pixels for each one of a large image", () => {
    expect(zoomAt(FITTED, 0.5, center, sizes)).toEqual(FITTED);
    expect(zoomAt(FITTED, 1000, center, sizes).scale).toBe(16);
  });

  it("centers an image that becomes smaller than the stage again", () => {
    const view = zoomAt(FITTED, 3, { x: 200, y: 75 }, sizes);

    expect(zoomAt(view, 1 / 3, { x: -200, y: -75 }, sizes)).toEqual(FITTED);
  });
});

describe("moveTo", () => {
  it("stops at the edges of the image", () => {
    const view = { scale: 3, x: 0, y: 0 };

    expect(moveTo(view, { x: 5000, y: -5000 }, sizes)).toEqual({ scale: 3, x: 400, y: -75 });
    expect(moveTo(FITTED, { x: 50, y: 50 }, sizes)).toEqual(FITTED);
  });
});

describe("toggleCloseUp", () => {
  it("shows the pixels of a large image, and then all of it again", () => {
    const view = toggleCloseUp(FITTED, center, sizes);

    expect(view).toEqual({ scale: 4, x: 0, y: 0 });
    expect(toggleCloseUp(view, center, sizes)).toEqual(FITTED);
  });
});

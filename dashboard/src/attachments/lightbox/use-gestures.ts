import { type RefObject, useEffect, useRef } from "react";
import type { Point } from "./zoom";

/** A pointer that moves less than this, in CSS pixels, is pressing rather than dragging. */
const SLOP_PX = 8;
/** The distance of a swipe. */
const SWIPE_PX = 64;
/** A shorter swipe must be at least this fast, in CSS pixels per millisecond. */
const SWIPE_SPEED = 0.4;
/** The maximum time and distance between the two presses of a double press. */
const DOUBLE_MS = 300;
const DOUBLE_PX = 30;

export interface Gestures {
  /** Whether a drag moves the image. If not, dragging with a finger is a swipe. */
  readonly isZoomed: boolean;
  /** Changes the scale by a factor, around a point that has moved by `by` in the meantime. */
  onZoom(factor: number, point: Point, by: Point): void;
  onPan(by: Point): void;
  onDoublePress(point: Point): void;
  /** Called during a swipe with its distance, and with null if it ends without an effect. */
  onSwipe(distance: Point | null): void;
  /** Called after a swipe, with its direction. */
  onSwiped(direction: "left" | "right" | "down"): void;
}

interface Press {
  readonly start: Point;
  readonly startedAt: number;
  readonly isTouch: boolean;
  /** The axis of a swipe; null while the pointer has hardly moved. */
  axis: "x" | "y" | null;
  /** Whether the image was zoomed or moved, so that this is neither a press nor a swipe. */
  isUsed: boolean;
}

const distanceOf = (a: Point, b: Point) => Math.hypot(a.x - b.x, a.y - b.y);

/**
 * Recognizes gestures on the stage: the wheel, pinches, drags, swipes, and double presses. Points
 * are relative to the center of the stage.
 */
export function useGestures(stage: RefObject<HTMLElement | null>, gestures: Gestures): void {
  const latest = useRef(gestures);
  useEffect(() => {
    latest.current = gestures;
  });

  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    const pointers = new Map<number, Point>();
    let press: Press | null = null;
    let lastPress: { point: Point; at: number } | null = null;

    function pointOf({ clientX, clientY }: MouseEvent): Point {
      const box = element?.getBoundingClientRect() ?? new DOMRect();
      return {
        x: clientX - box.left - box.width / 2,
        y: clientY - box.top - box.height / 2,
      };
    }

    function onWheel(event: WheelEvent) {
      // The browser would zoom the page.
      event.preventDefault();
      // A pinch on a touchpad has small steps, and a line of a wheel has large ones.
      const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30;
      const step = event.deltaY * pixels * (event.ctrlKey ? 3 : 1);
      latest.current.onZoom(Math.exp(-step / 400), pointOf(event), { x: 0, y: 0 });
    }

    function onPointerDown(event: PointerEvent) {
      if (event.button !== 0) return;
      const point = pointOf(event);
      pointers.set(event.pointerId, point);
      if (pointers.size > 1) {
        if (press) press.isUsed = true;
        latest.current.onSwipe(null);
        return;
      }
      const isTouch = event.pointerType !== "mouse";
      press = { start: point, startedAt: event.timeStamp, isTouch, axis: null, isUsed: false };
    }

    function onPointerMove(event: PointerEvent) {
      const before = pointers.get(event.pointerId);
      if (!before || !press) return;
      const point = pointOf(event);
      const others = [...pointers].filter(([id]) => id !== event.pointerId);
      const other = others[0]?.[1];
      if (!other && !press.isUsed && distanceOf(point, press.start) < SLOP_PX) return;
      pointers.set(event.pointerId, point);
      element?.setPointerCapture(event.pointerId);
      const by = { x: point.x - before.x, y: point.y - before.y };
      if (other) {
        const factor = distanceOf(point, other) / Math.max(1, distanceOf(before, other));
        const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
        latest.current.onZoom(factor, middle, { x: by.x / 2, y: by.y / 2 });
        press.isUsed = true;
      } else if (press.isUsed || latest.current.isZoomed) {
        press.isUsed = true;
        latest.current.onPan(by);
      } else if (press.isTouch) swipe(press, point);
    }

    function swipe(current: Press, point: Point) {
      const distance = { x: point.x - current.start.x, y: point.y - current.start.y };
      current.axis ??= Math.abs(distance.x) > Math.abs(distance.y) ? "x" : "y";
      latest.current.onSwipe(
        current.axis === "x" ? { x: distance.x, y: 0 } : { x: 0, y: Math.max(0, distance.y) },
      );
    }

    function onPointerUp(event: PointerEvent) {
      if (!pointers.delete(event.pointerId) || pointers.size > 0 || !press) return;
      const ended = press;
      press = null;
      const point = pointOf(event);
      if (ended.isUsed) return;
      if (ended.axis) endSwipe(ended, point, event.timeStamp);
      else if (distanceOf(point, ended.start) < SLOP_PX) endPress(point, event.timeStamp);
    }

    function endSwipe({ start, startedAt, axis }: Press, point: Point, at: number) {
      const distance = axis === "x" ? point.x - start.x : point.y - start.y;
      const speed = Math.abs(distance) / Math.max(1, at - startedAt);
      const isSwipe =
        Math.abs(distance) > SWIPE_PX || (speed > SWIPE_SPEED && Math.abs(distance) > 2 * SLOP_PX);
      latest.current.onSwipe(null);
      if (!isSwipe) return;
      if (axis === "x") latest.current.onSwiped(distance > 0 ? "right" : "left");
      else if (distance > 0) latest.current.onSwiped("down");
    }

    function endPress(point: Point, at: number) {
      const isDouble =
        lastPress !== null &&
        at - lastPress.at < DOUBLE_MS &&
        distanceOf(point, lastPress.point) < DOUBLE_PX;
      lastPress = isDouble ? null : { point, at };
      if (isDouble) latest.current.onDoublePress(point);
    }

    function onPointerCancel({ pointerId }: PointerEvent) {
      if (!pointers.delete(pointerId)) return;
      if (press) press.isUsed = true;
      latest.current.onSwipe(null);
    }

    const signal = new AbortController();
    const options = { signal: signal.signal };
    element.addEventListener("wheel", onWheel, { ...options, passive: false });
    element.addEventListener("pointerdown", onPointerDown, options);
    element.addEventListener("pointermove", onPointerMove, options);
    element.addEventListener("pointerup", onPointerUp, options);
    element.addEventListener("pointercancel", onPointerCancel, options);
    return () => signal.abort();
  }, [stage]);
}

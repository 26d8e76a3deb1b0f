/** Moves the open thread to a place. */
import { createEmitter } from "@/observable";

/** A place in a thread. */
export type Place =
  | { readonly kind: "start" }
  | { readonly kind: "end" }
  | {
      readonly kind: "turn";
      readonly turn: number;
      /** The distance from the top of the view to the target, in pixels. */
      readonly offset: number;
      /** Returns the position of the target in the turn's row. The default is the row. */
      readonly findTarget?: (row: Element) => DOMRect | null;
    };

/** The distance from the top of the view to the turn that the user jumps to. */
export const CONTEXT_PX = 72;

/** The type of the event that an element emits before the user unfolds it. It bubbles. */
export const UNFOLD = "unfold";

const requests = createEmitter<Place>();

/** Moves the open thread to a place. Turns that are not in the store are fetched. */
export const goTo = requests.emit;

/** Calls `listener` for each request to move the thread. */
export const onGoTo = requests.subscribe;

/**
 * Remembers what the user has expanded and how far boxes are scrolled, while the page is open. A
 * turn is rendered again when its answer is finished and when it is scrolled back into view.
 */
import { type SyntheticEvent, useState } from "react";
import type { Step, Task } from "@/api/models";

const expanded = new Map<string, boolean>();
const positions = new Map<string, number>();

/** The scroll position of a box that follows its end. */
export const AT_END = Number.POSITIVE_INFINITY;

/** Returns the key of a step. Without a task, nothing is remembered. */
export function keyOf(task: Task | null, step: Step | undefined): string | null {
  return task && step ? `${task.id}/${task.attempt}/${step.seq}` : null;
}

/** Returns the properties of a `<details>` element that is expanded as it was before. */
export function useExpansion(key: string | null, isInitiallyOpen: boolean) {
  const [isOpen, setOpen] = useState(() => expanded.get(key ?? "") ?? isInitiallyOpen);
  return {
    open: isOpen,
    onToggle: ({ currentTarget }: SyntheticEvent<HTMLDetailsElement>) => {
      // Browsers also report the initial state.
      if (currentTarget.open === isOpen) return;
      setOpen(currentTarget.open);
      if (key !== null) expanded.set(key, currentTarget.open);
    },
  };
}

/** Returns the remembered scroll position in pixels, or undefined. */
export function recallPosition(key: string | null): number | undefined {
  return positions.get(key ?? "");
}

export function rememberPosition(key: string | null, position: number): void {
  if (key !== null) positions.set(key, position);
}

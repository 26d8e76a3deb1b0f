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

/** Remembers that a step is expanded, unless the user has collapsed it. */
export function rememberExpanded(key: string | null): void {
  if (key !== null && !expanded.has(key)) expanded.set(key, true);
}

/**
 * Returns the properties of a `<details>` element that is expanded as the user left it, or else as
 * `isOpenByDefault` says.
 */
export function useExpansion(key: string | null, isOpenByDefault: boolean) {
  const [chosen, setChosen] = useState(() => expanded.get(key ?? ""));
  const isOpen = chosen ?? isOpenByDefault;
  return {
    open: isOpen,
    onToggle: ({ currentTarget }: SyntheticEvent<HTMLDetailsElement>) => {
      // Browsers also report changes that were not made by the user.
      if (currentTarget.open === isOpen) return;
      setChosen(currentTarget.open);
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

import { useCallback, useEffect, useMemo, useState } from "react";
import type { Session } from "@/api/models";
import { hasOverlay } from "@/keyboard";
import { emptySelection, extend, remove, selectAll, selectTo, toggle } from "./selection";

/**
 * Returns the selection of the list and functions that change it. Only sessions in the list count
 * as selected. Escape clears the selection.
 */
export function useSelection(
  /** Returns the rows of the list in order. */
  rows: () => readonly HTMLElement[],
  shown: readonly Session[],
) {
  const [selection, setSelection] = useState(emptySelection);
  const selected = useMemo(
    () => shown.filter(({ id }) => selection.ids.has(id)),
    [shown, selection],
  );
  const ids = useMemo(() => new Set(selected.map(({ id }) => id)), [selected]);
  const isActive = selected.length > 0;

  const order = useCallback(() => rows().map(({ dataset }) => dataset.row ?? ""), [rows]);
  /** Moves the focus to the list, because the bar that may have it disappears. */
  const focusList = useCallback(() => {
    const focused = document.activeElement;
    if (focused === document.body || focused?.closest('[role="toolbar"]')) rows()[0]?.focus();
  }, [rows]);
  const clear = useCallback(() => {
    focusList();
    setSelection(emptySelection);
  }, [focusList]);
  const onSelect = useCallback(
    (id: string, isRange: boolean) =>
      setSelection((known) => (isRange ? selectTo(known, order(), id) : toggle(known, id))),
    [order],
  );

  useEffect(() => {
    if (!isActive) return;
    function onKeyDown(event: KeyboardEvent) {
      if (event.key !== "Escape" || event.isComposing || hasOverlay()) return;
      event.preventDefault();
      event.stopPropagation();
      clear();
    }
    // Escape must end the selection before it stops an answer or leaves a field.
    window.addEventListener("keydown", onKeyDown, { capture: true });
    return () => window.removeEventListener("keydown", onKeyDown, { capture: true });
  }, [isActive, clear]);

  return {
    selected,
    ids,
    isActive,
    clear,
    onSelect,
    all: () => setSelection((known) => selectAll(known, order())),
    /** Adds both rows when the focus moves from one to the other with Shift. */
    extend: (from: string, to: string) => setSelection((known) => extend(known, from, to)),
    /** Removes sessions for which an action is done. */
    remove(done: ReadonlySet<string>) {
      if (done.size === selected.length) focusList();
      setSelection((known) => remove(known, done));
    },
  };
}

/** The selection of sessions in the list. */

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** The session from which a range starts: the one that was toggled last. */
  readonly anchor: string | null;
}

export const emptySelection: Selection = { ids: new Set(), anchor: null };

/** Adds a session, or removes it if it is selected. */
export function toggle({ ids }: Selection, id: string): Selection {
  const next = new Set(ids);
  if (!next.delete(id)) next.add(id);
  return { ids: next, anchor: id };
}

/**
 * Adds all sessions between the anchor and a session, including both. `order` contains the IDs in
 * the order of the list. Without an anchor in the list, adds only the session.
 */
export function selectTo(selection: Selection, order: readonly string[], id: string): Selection {
  const from = order.indexOf(selection.anchor ?? id);
  const to = order.indexOf(id);
  const range = from < 0 ? [id] : order.slice(Math.min(from, to), Math.max(from, to) + 1);
  return { ids: new Set([...selection.ids, ...range]), anchor: selection.anchor ?? id };
}

/** Selects all sessions in the list. */
export function selectAll({ anchor }: Selection, order: readonly string[]): Selection {
  return { ids: new Set(order), anchor };
}

/** Adds two neighboring sessions, of which the second one becomes the anchor. */
export function extend({ ids }: Selection, from: string, to: string): Selection {
  return { ids: new Set([...ids, from, to]), anchor: to };
}

/** Removes sessions. */
export function remove({ ids, anchor }: Selection, gone: ReadonlySet<string>): Selection {
  return { ids: new Set([...ids].filter((id) => !gone.has(id))), anchor };
}

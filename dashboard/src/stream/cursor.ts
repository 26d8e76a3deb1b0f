/** A position in the user's event log. Positions from different epochs cannot be compared. */
export interface Cursor {
  readonly epoch: string;
  readonly seq: number;
}

/** Parses `<epoch>-<seq>`. Returns null if the text is malformed. */
export function parseCursor(text: string): Cursor | null {
  const match = /^([0-9a-z]+)-(\d+)$/.exec(text);
  if (!match?.[1] || !match[2]) return null;
  return { epoch: match[1], seq: Number(match[2]) };
}

export function formatCursor(cursor: Cursor): string {
  return `${cursor.epoch}-${cursor.seq}`;
}

/** Longer pasted texts can be attached as files. In bytes of UTF-8. */
const LONG_BYTES = 4096;

/** A long text that was pasted into a draft. */
export interface PastedText {
  /** The text as the field contains it, with `\n` as line breaks. */
  readonly text: string;
  /** The size in UTF-8. */
  readonly bytes: number;
  /** Where it was pasted, in UTF-16 code units. */
  readonly start: number;
}

/** Returns the text that is pasted at an offset, or null if it is not long. */
export function findPastedText(copied: string, start: number): PastedText | null {
  const text = copied.replaceAll(/\r\n?/g, "\n");
  // Each UTF-16 code unit takes up at most three bytes in UTF-8.
  if (text.length <= LONG_BYTES / 3) return null;
  const bytes = new TextEncoder().encode(text).length;
  return bytes > LONG_BYTES && text.trim() !== "" ? { text, bytes, start } : null;
}

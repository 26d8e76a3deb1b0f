/**
 * The text of an answer in progress, assembled from deltas and partials. Offsets are in UTF-8
 * bytes.
 */

export interface Delta {
  readonly attempt: number;
  readonly message_id: string;
  readonly offset: number;
  readonly next_offset: number;
  readonly text: string;
}

export interface LiveText {
  readonly attempt: number;
  /** The ID that the finished message will have. */
  readonly messageId: string;
  readonly text: string;
  /** The length of `text` in bytes. */
  readonly nextOffset: number;
  /** Deltas after a gap. They are appended once the gap is filled. */
  readonly ahead: readonly Delta[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The maximum number of deltas kept after a gap. Others are dropped, because a fetch fills the gap.
 */
const MAX_AHEAD = 256;

function start(delta: { attempt: number; message_id: string }): LiveText {
  return {
    attempt: delta.attempt,
    messageId: delta.message_id,
    text: "",
    nextOffset: 0,
    ahead: [],
  };
}

/** Returns `text` without its first `skip` bytes. */
function fromByte(text: string, skip: number): string {
  return skip <= 0 ? text : decoder.decode(encoder.encode(text).subarray(skip));
}

function joinAhead(live: LiveText): LiveText {
  let { text, nextOffset } = live;
  let rest = live.ahead;
  for (;;) {
    const next = rest.find((delta) => delta.offset <= nextOffset && delta.next_offset > nextOffset);
    if (!next) break;
    text += fromByte(next.text, nextOffset - next.offset);
    nextOffset = next.next_offset;
    rest = rest.filter((delta) => delta.next_offset > nextOffset);
  }
  const ahead = rest.filter((delta) => delta.next_offset > nextOffset);
  return { ...live, text, nextOffset, ahead };
}

/**
 * Adds a delta. Known bytes and deltas from a lower attempt are ignored; a higher attempt replaces
 * the text.
 */
export function applyDelta(known: LiveText | undefined, delta: Delta): LiveText {
  if (known && delta.attempt < known.attempt) return known;
  const live = known && known.attempt === delta.attempt ? known : start(delta);
  if (delta.next_offset <= live.nextOffset) return live;
  if (delta.offset > live.nextOffset) {
    if (live.ahead.length >= MAX_AHEAD) return live;
    return { ...live, ahead: [...live.ahead, delta] };
  }
  const text = live.text + fromByte(delta.text, live.nextOffset - delta.offset);
  const longer = { ...live, text, nextOffset: delta.next_offset };
  return longer.ahead.length > 0 ? joinAhead(longer) : longer;
}

/**
 * Replaces the text with a partial. Ignores a partial from a lower attempt. Also ignores one from
 * the same attempt if the text starts with it, because an attempt only appends text.
 */
export function applyPartial(
  known: LiveText | undefined,
  partial: { attempt: number; message_id: string; text: string; next_offset: number },
): LiveText {
  if (known && partial.attempt < known.attempt) return known;
  const isSame = known?.attempt === partial.attempt;
  if (known && isSame && known.text.startsWith(partial.text)) return known;
  return joinAhead({
    attempt: partial.attempt,
    messageId: partial.message_id,
    text: partial.text,
    nextOffset: partial.next_offset,
    ahead: isSame ? known.ahead : [],
  });
}

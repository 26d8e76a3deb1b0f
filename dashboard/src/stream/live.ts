/** The text of a running answer, put together from deltas and partials. Offsets are UTF-8 bytes. */

export interface Delta {
  readonly attempt: number;
  readonly message_id: string;
  readonly offset: number;
  readonly next_offset: number;
  readonly text: string;
}

export interface LiveText {
  readonly attempt: number;
  /** The id that the finished message will have. */
  readonly messageId: string;
  readonly text: string;
  /** How many bytes `text` has. */
  readonly nextOffset: number;
  /** Deltas that came before what lies between; joined as soon as that is there. */
  readonly ahead: readonly Delta[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** More than this many deltas ahead are not kept: a fetch will bring the text. */
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

/** `text` from byte `skip` on. */
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

/** Adds a delta. A lower attempt and known bytes are ignored; a higher attempt starts afresh. */
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
 * Replaces what was collected. Text of the same attempt that goes on from the partial is kept:
 * an attempt only ever appends, so the shorter text is the older one.
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

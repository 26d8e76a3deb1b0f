// @vitest-environment node
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyDelta, applyPartial, type Delta, type LiveText } from "./live-text";

const bytes = (text: string) => new TextEncoder().encode(text).length;
const ids = { attempt: 1, message_id: "answer-1" };

function deltasOf(parts: readonly string[]): Delta[] {
  let offset = 0;
  return parts.map((text) => {
    const delta = { ...ids, offset, next_offset: offset + bytes(text), text };
    offset = delta.next_offset;
    return delta;
  });
}

const parts = fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 20,
});

/**
 * The parts of a text, the order in which their deltas (including duplicates) arrive, and the
 * length of a partial.
 */
const deliveries = parts.chain((texts) =>
  fc.record({
    texts: fc.constant(texts),
    order: fc.array(fc.nat(texts.length - 1), { maxLength: 20 }).chain((duplicates) =>
      fc.shuffledSubarray([...texts.keys(), ...duplicates], {
        minLength: texts.length + duplicates.length,
      }),
    ),
    partialLength: fc.nat(texts.length),
    partialAt: fc.nat(40),
  }),
);

describe("live text", () => {
  it("is the same for deltas in any order, with duplicates and a partial at any time", () => {
    fc.assert(
      fc.property(deliveries, ({ texts, order, partialLength, partialAt }) => {
        const deltas = deltasOf(texts);
        const prefix = texts.slice(0, partialLength).join("");
        const partial = { ...ids, text: prefix, next_offset: bytes(prefix) };
        let live: LiveText | undefined;
        for (const [step, index] of order.entries()) {
          if (step === partialAt) live = applyPartial(live, partial);
          const delta = deltas[index];
          if (delta) live = applyDelta(live, delta);
        }

        expect(live).toMatchObject({
          text: texts.join(""),
          nextOffset: bytes(texts.join("")),
          ahead: [],
        });
      }),
    );
  });

  it("is the same for any cut of the text into overlapping deltas", () => {
    const cuts = fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 20 });
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii", maxLength: 40 }), cuts, (text, ranges) => {
        const whole = { ...ids, offset: 0, next_offset: text.length, text };
        const overlapping = ranges.map(([a, b]) => {
          const [offset, end] = [
            Math.min(a, b, text.length),
            Math.min(Math.max(a, b), text.length),
          ];
          return { ...ids, offset, next_offset: end, text: text.slice(offset, end) };
        });

        const live = [...overlapping, whole].reduce<LiveText | undefined>(applyDelta, undefined);

        expect(live?.text ?? "").toBe(text);
      }),
    );
  });
});

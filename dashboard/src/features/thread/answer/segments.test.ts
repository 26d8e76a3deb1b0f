import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Step } from "@/api/models";
import { makeStep } from "@/test-objects";
import { createAnswerSplitter, splitAnswer } from "./segments";

/** Returns a finished step that began after `text`. */
function stepAfter(text: string, over: Partial<Step> = {}): Step {
  const text_offset = new TextEncoder().encode(text).length;
  return makeStep({ status: "succeeded", text_offset, ...over } as Partial<Step>);
}

/** Returns the segments in a short form: texts, and the numbers of steps. */
function show(text: string, steps: readonly Step[]) {
  return splitAnswer(text, steps).map((segment) =>
    segment.kind === "text"
      ? segment.text
      : segment.kind === "steps"
        ? segment.steps.map(({ seq }) => seq)
        : `${segment.kind} ${segment.step.seq}`,
  );
}

describe("splitAnswer", () => {
  it("interleaves text and groups of steps", () => {
    const text = "Grüße 🎉.\n\nFound it.\n\nDone.";
    const steps = [
      stepAfter("", { seq: 1 }),
      stepAfter("Grüße 🎉.", { seq: 2 }),
      stepAfter("Grüße 🎉.\n\n", { seq: 3 }),
      stepAfter("Grüße 🎉.\n\nFound it.", { seq: 4 }),
    ];
    expect(show(text, steps)).toEqual([[1], "Grüße 🎉.", [2, 3], "Found it.", [4], "Done."]);
    expect(show(text, [])).toEqual([text]);
    expect(show("", steps)).toEqual([[1, 2, 3, 4]]);
  });

  it("does not fold warnings", () => {
    const steps = [
      stepAfter("", { seq: 1, kind: "notice", detail: { severity: "warning", text: "" } }),
      stepAfter("", { seq: 2 }),
      stepAfter("", { seq: 3, kind: "notice", detail: { severity: "info", text: "" } }),
    ] as Step[];
    expect(show("Done.", steps)).toEqual(["warning 1", [2, 3], "Done."]);
  });

  it("places an open permission request after the text that explains it", () => {
    const request = { kind: "permission", status: "pending" } as const;
    const steps = [
      stepAfter("I need to edit a file.", { seq: 1, status: "pending" }),
      stepAfter("I need to edit a file.", { seq: 2, ...request }),
    ];
    expect(show("I need to edit a file.", steps)).toEqual(["I need to edit a file.", "request 2"]);
  });

  it("places a step in the middle of a line before the line", () => {
    expect(show("One.\nTwo words", [stepAfter("One.\nTwo wo")])).toEqual([
      "One.",
      [1],
      "Two words",
    ]);
    expect(show("One word", [stepAfter("On")])).toEqual([[1], "One word"]);
  });

  it("does not split code blocks", () => {
    const code = "```ts\nlet a;\n~~~\nlet b;\n```";
    const text = `One.\n\n${code}\nTwo.`;
    expect(show(text, [stepAfter("One.\n\n```ts\nlet a;\n")])).toEqual([
      "One.",
      [1],
      `${code}\nTwo.`,
    ]);
    expect(show(text, [stepAfter(`One.\n\n${code}\n`)])).toEqual([`One.\n\n${code}`, [1], "Two."]);
  });

  it("places the steps of a sub-agent with the step that started it", () => {
    const steps = [
      stepAfter("One.", { seq: 1, tool_call_id: "task" }),
      stepAfter("One.\n\nTwo.", { seq: 2, tool_call_id: "a", parent_tool_call_id: "task" }),
      stepAfter("One.\n\nTwo.", { seq: 3, tool_call_id: "b", parent_tool_call_id: "b" }),
    ];
    expect(show("One.\n\nTwo.", steps)).toEqual(["One.", [1, 2], "Two.", [3]]);
  });

  it("places a step beyond the end of the text at its end", () => {
    expect(show("Short", [stepAfter("A much longer text")])).toEqual(["Short", [1]]);
    expect(show("\n\n \n", [stepAfter("\n\n")])).toEqual([[1]]);
  });

  it("keeps every word and every step in order", () => {
    const line = fc.constantFrom("word 🎉 one", "```", "~~~~", "", "  ", "ü");
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 12 }).map((lines) => lines.join("\n")),
        fc.array(fc.nat(80), { maxLength: 6 }),
        (text, offsets) => {
          const steps = offsets
            .sort((a, b) => a - b)
            .map((text_offset, index) => stepAfter("", { seq: index + 1, text_offset }));
          const segments = splitAnswer(text, steps);
          const words = segments.map((one) => (one.kind === "text" ? one.text : "")).join("");
          expect(words.replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
          const seqs = segments.flatMap((one) =>
            one.kind === "steps" ? one.steps.map(({ seq }) => seq) : [],
          );
          expect(seqs).toEqual(steps.map(({ seq }) => seq));
        },
      ),
    );
  });
});

describe("createAnswerSplitter", () => {
  it("returns the same groups until their steps change", () => {
    const split = createAnswerSplitter();
    const [one, two] = [stepAfter("One.", { seq: 1 }), stepAfter("One.\n\nTwo.", { seq: 2 })];
    const before = split("One.\n\nTwo.", [one, two]);
    const grown = split("One.\n\nTwo.\n\nThree", [one, two]);
    const changed = split("One.\n\nTwo.\n\nThree", [{ ...one }, two]);

    expect(grown.map((segment, index) => segment === before[index])).toEqual([
      false,
      true,
      false,
      true,
      false,
    ]);
    expect(grown).toEqual(splitAnswer("One.\n\nTwo.\n\nThree", [one, two]));
    expect(changed[1]).not.toBe(grown[1]);
    expect(changed[3]).toBe(grown[3]);
  });
});

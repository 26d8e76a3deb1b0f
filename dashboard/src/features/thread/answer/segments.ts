/** Splits an answer into its text and its steps, in the order in which they arrived. */
import type { Step } from "@/api/models";
import { isWarning } from "../steps/step-detail";
import { isBlank } from "./answer-layout";

export type Segment =
  | { readonly kind: "text"; readonly text: string }
  /** Consecutive steps. */
  | { readonly kind: "steps"; readonly steps: readonly Step[] }
  /** An open permission request. */
  | { readonly kind: "request"; readonly step: Step }
  /** A notice that is not folded. */
  | { readonly kind: "warning"; readonly step: Step };

/**
 * Returns the segments of an answer. A step that began in the middle of a line or a code block is
 * placed before that line or block. Steps that have not started are omitted, except for permission
 * requests. Steps of a sub-agent are placed with the step that started it.
 */
export function splitAnswer(text: string, steps: readonly Step[]): readonly Segment[] {
  const segments: Segment[] = [];
  const addText = (part: string) => {
    const trimmed = part.replace(/^\n+/, "");
    if (!isBlank(trimmed)) segments.push({ kind: "text", text: trimmed });
  };
  const places = placesOf(steps);
  const find = createIndexFinder(text);
  const fences = findFences(text);
  let end = 0;
  let group: Step[] | null = null;
  for (const { step, offset } of places) {
    const isRequest = step.kind === "permission" && step.status === "pending";
    if (step.status === "pending" && !isRequest) continue;
    const index = Math.max(end, findBoundary(text, fences, find(offset)));
    if (index > end) {
      const count = segments.length;
      addText(text.slice(end, index).trimEnd());
      if (segments.length > count) group = null;
      end = index;
    }
    if (isRequest || isWarning(step)) {
      segments.push({ kind: isRequest ? "request" : "warning", step });
      group = null;
    } else if (group) group.push(step);
    else {
      group = [step];
      segments.push({ kind: "steps", steps: group });
    }
  }
  addText(text.slice(end));
  return segments;
}

/** Returns the steps in the order of their places, with the offsets of these places. */
function placesOf(steps: readonly Step[]): readonly { step: Step; offset: number }[] {
  const byCall = new Map<string, Step>();
  for (const step of steps)
    if (step.kind === "tool" && step.tool_call_id) byCall.set(step.tool_call_id, step);
  const offsetOf = (step: Step, depth = 0): number => {
    const parent = byCall.get(step.parent_tool_call_id ?? "");
    return parent && parent !== step && depth < MAX_DEPTH
      ? offsetOf(parent, depth + 1)
      : step.text_offset;
  };
  const places = steps.map((step) => ({ step, offset: offsetOf(step) }));
  return places.sort((a, b) => a.offset - b.offset || a.step.seq - b.step.seq);
}

/** The maximum depth of sub-agents. It ends the search if two steps name each other as parents. */
const MAX_DEPTH = 16;

/**
 * Returns a function that converts an offset in UTF-8 bytes to an index. Offsets must be passed in
 * ascending order.
 */
function createIndexFinder(text: string): (offset: number) => number {
  let index = 0;
  let bytes = 0;
  return (offset) => {
    while (bytes < offset && index < text.length) {
      const code = text.codePointAt(index) ?? 0;
      bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      index += code < 0x10000 ? 1 : 2;
    }
    return index;
  };
}

/** A fenced code block: from the start of its first line to the end of its closing fence. */
interface Fence {
  readonly start: number;
  /** The end of the opening fence, before which the block is not known to be code. */
  readonly opened: number;
  readonly end: number;
}

/** Returns the nearest index at or before `index` at which the text can be split. */
function findBoundary(text: string, fences: readonly Fence[], index: number): number {
  if (index === 0) return 0;
  const fence = fences.findLast(({ opened }) => opened <= index);
  if (fence && index < fence.end) return fence.start;
  const isBetweenWords =
    index >= text.length || /\s/.test(text[index] ?? "") || /\s/.test(text[index - 1] ?? "");
  return isBetweenWords ? index : text.lastIndexOf("\n", index - 1) + 1;
}

/** Returns the fenced code blocks. The last one ends at infinity if it is not closed. */
function findFences(text: string): readonly Fence[] {
  const fences: Fence[] = [];
  let open: { start: number; opened: number; mark: string } | null = null;
  for (const match of text.matchAll(/^ {0,3}(`{3,}|~{3,})(.*)$/gm)) {
    const [line, mark = "", info = ""] = match;
    const opened = match.index + line.length - info.length;
    if (!open) open = { start: match.index, opened, mark };
    else if (mark[0] === open.mark[0] && mark.length >= open.mark.length && info.trim() === "") {
      fences.push({ start: open.start, opened: open.opened, end: opened });
      open = null;
    }
  }
  if (open) fences.push({ start: open.start, opened: open.opened, end: Number.POSITIVE_INFINITY });
  return fences;
}

/**
 * Returns a function that splits an answer again after each change. Groups of steps that have not
 * changed are the same objects as before, so that they need not be rendered again.
 */
export function createAnswerSplitter(): typeof splitAnswer {
  let previous: readonly Segment[] = [];
  return (text, steps) => {
    previous = splitAnswer(text, steps).map((segment, index) => {
      const known = previous[index];
      const isSame =
        segment.kind === "steps" &&
        known?.kind === "steps" &&
        known.steps.length === segment.steps.length &&
        known.steps.every((step, place) => step === segment.steps[place]);
      return isSame ? known : segment;
    });
    return previous;
  };
}

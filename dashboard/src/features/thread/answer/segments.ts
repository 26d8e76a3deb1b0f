/** Splits an answer into its text and its steps, in the order in which they arrived. */
import type { Step } from "@/api/models";
import { isBlank } from "./answer-layout";

export type Segment =
  | { readonly kind: "text"; readonly text: string }
  /** Consecutive steps. */
  | { readonly kind: "steps"; readonly steps: readonly Step[] }
  /** An open permission request. */
  | { readonly kind: "request"; readonly step: Step };

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
  let end = 0;
  let group: Step[] | null = null;
  for (const { step, offset } of places) {
    const isRequest = step.kind === "permission" && step.status === "pending";
    if (step.status === "pending" && !isRequest) continue;
    const index = Math.max(end, findBoundary(text, find(offset)));
    if (index > end) {
      const count = segments.length;
      addText(text.slice(end, index).trimEnd());
      if (segments.length > count) group = null;
      end = index;
    }
    if (isRequest) {
      segments.push({ kind: "request", step });
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

/** Returns the nearest index at or before `index` at which the text can be split. */
function findBoundary(text: string, index: number): number {
  if (index === 0) return 0;
  const fence = findOpenFence(text, index);
  if (fence !== null) return fence;
  const isBetweenWords =
    index >= text.length || /\s/.test(text[index] ?? "") || /\s/.test(text[index - 1] ?? "");
  return isBetweenWords ? index : text.lastIndexOf("\n", index - 1) + 1;
}

/** Returns the start of the code block that is open at `index`, or null. */
function findOpenFence(text: string, index: number): number | null {
  let open: { start: number; mark: string } | null = null;
  for (const match of text.slice(0, index).matchAll(/^ {0,3}(`{3,}|~{3,})(.*)$/gm)) {
    const [, mark = "", info = ""] = match;
    if (!open) open = { start: match.index, mark };
    else if (mark[0] === open.mark[0] && mark.length >= open.mark.length && info.trim() === "")
      open = null;
  }
  return open?.start ?? null;
}

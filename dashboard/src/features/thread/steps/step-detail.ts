/** Parses step details, whose contents depend on the agent. */
import * as v from "valibot";
import type { Step } from "@/api/models";
import { hasControls, toLine, toPlainText } from "@/terminal/screen";

const text = v.object({ text: v.string() });
const fileDiff = v.object({
  path: v.string(),
  patch: v.fallback(v.string(), ""),
  additions: v.fallback(v.number(), 0),
  deletions: v.fallback(v.number(), 0),
});
const tool = v.object({
  input: v.optional(v.unknown()),
  output: v.fallback(v.nullish(v.string()), null),
  diffs: v.fallback(v.array(fileDiff), []),
});
const alarming = v.object({ severity: v.picklist(["warning", "error"]) });
const plan = v.object({
  entries: v.array(
    v.object({
      content: v.pipe(v.string(), v.transform(toLine)),
      status: v.picklist(["pending", "in_progress", "completed"]),
    }),
  ),
});

export type PlanEntry = v.InferOutput<typeof plan>["entries"][number];

/** A change to a file, as a unified diff without file headers, which may end early. */
export type FileDiff = v.InferOutput<typeof fileDiff>;

/** A tool call as the agent sent it. */
export interface ToolCall {
  /** The input; empty if there is none. */
  readonly input: string;
  readonly output: string;
  readonly diffs: readonly FileDiff[];
}

export interface StepDetail {
  /** A thought, as Markdown. */
  readonly thought?: string;
  /** The text of a notice. */
  readonly notice?: string;
  /** The input of a tool call, unless its title or its diffs already show it. */
  readonly input?: string;
  readonly output?: string;
  readonly diffs?: readonly FileDiff[];
  readonly entries?: readonly PlanEntry[];
}

const isPlain = (value: unknown) => typeof value === "string" || typeof value === "number";

function findCommand(input: unknown): string | null {
  if (input === null || typeof input !== "object" || !("command" in input)) return null;
  const { command } = input;
  if (typeof command === "string") return command;
  return Array.isArray(command) && command.every(isPlain) ? command.join(" ") : null;
}

/**
 * Formats a tool call's input as a command, named fields, or JSON. Returns an empty string if there
 * is no input.
 */
export function formatInput(input: unknown): string {
  if (typeof input === "string") return input.trim();
  if (input === null || typeof input !== "object") return "";
  const command = findCommand(input);
  if (command !== null) return command;
  const fields = Object.entries(input);
  if (fields.length === 0) return "";
  if (fields.every(([, value]) => isPlain(value)))
    return fields.map(([name, value]) => `${name}: ${value}`).join("\n");
  return JSON.stringify(input, null, 2);
}

/**
 * Returns whether a title shows the entire input, such as "Read a.txt" for "path: a.txt" or
 * "`ls`" for "ls".
 */
export function isInTitle(input: string, title: string): boolean {
  const shown = title.replaceAll("`", "").trim();
  const rest = shown.slice(shown.indexOf(" ") + 1);
  const value = /^\w+: (.+)$/.exec(input)?.[1];
  return [title.trim(), shown, rest].some((words) => words === input || words === value);
}

/** Returns the tool call of a step, or null for other steps and malformed details. */
export function parseToolCall(step: Step): ToolCall | null {
  if (step.kind !== "tool") return null;
  const call = v.safeParse(tool, step.detail);
  if (!call.success) return null;
  const { input, output, diffs } = call.output;
  // The input of an edit repeats the diff.
  const isRepeated = diffs.length > 0 && typeof input === "object" && findCommand(input) === null;
  return {
    input: isRepeated ? "" : formatInput(input),
    output: output?.trimEnd() ?? "",
    diffs,
  };
}

function parseText(step: Step): string {
  const said = v.safeParse(text, step.detail);
  return said.success ? said.output.text.trim() : "";
}

/** Returns whether a step is a notice that the user should see without unfolding anything. */
export function isWarning(step: Step): boolean {
  return step.kind === "notice" && v.is(alarming, step.detail);
}

/** Returns the entries of a plan; empty for other steps and malformed details. */
export function parsePlan(step: Step): readonly PlanEntry[] {
  const made = v.safeParse(plan, step.kind === "plan" ? step.detail : null);
  return made.success ? made.output.entries : [];
}

/** Returns the content of an expanded step, or null if the step has only a title. */
export function describeDetail(step: Step): StepDetail | null {
  switch (step.kind) {
    case "thought": {
      const thought = parseText(step);
      return thought ? { thought: hasControls(thought) ? toPlainText(thought) : thought } : null;
    }
    case "notice": {
      const notice = parseText(step);
      return notice ? { notice } : null;
    }
    case "tool": {
      const call = parseToolCall(step);
      if (!call) return null;
      const { output, diffs } = call;
      const input = isInTitle(call.input, step.title) ? "" : call.input;
      if (!input && !output && diffs.length === 0) return null;
      return {
        ...(input ? { input } : {}),
        ...(output ? { output } : {}),
        ...(diffs.length > 0 ? { diffs } : {}),
      };
    }
    case "plan": {
      const entries = parsePlan(step);
      return entries.length > 0 ? { entries } : null;
    }
    case "permission":
      return null;
    default:
      return step.kind satisfies never;
  }
}

/** Parses step details, whose contents depend on the agent. */
import * as v from "valibot";
import type { Step } from "@/api/models";
import { texts } from "@/texts";

const text = v.object({ text: v.string() });
const tool = v.object({
  tool_kind: v.fallback(v.nullish(v.string()), null),
  input: v.unknown(),
  output: v.fallback(v.nullish(v.string()), null),
});
const plan = v.object({
  entries: v.array(
    v.object({ content: v.string(), status: v.picklist(["pending", "in_progress", "completed"]) }),
  ),
});
const chosen = v.object({
  chosen: v.string(),
  options: v.array(v.object({ option_id: v.string(), name: v.string() })),
});
const decided = v.object({
  decision: v.picklist(["allow", "reject"]),
  decided_by: v.picklist(["user", "time_limit", "withdrawn"]),
});

export type PlanEntry = v.InferOutput<typeof plan>["entries"][number];

export interface StepDetail {
  /** The text of a thought or a notice. */
  readonly text?: string;
  /** The input and the output of a tool call. */
  readonly input?: string;
  readonly output?: string;
  readonly entries?: readonly PlanEntry[];
}

const isPlain = (value: unknown) => typeof value === "string" || typeof value === "number";

/**
 * Formats a tool call's input as a command, named fields, or JSON. Returns an empty string if there
 * is no input.
 */
export function formatInput(input: unknown): string {
  if (typeof input === "string") return input.trim();
  if (input === null || typeof input !== "object") return "";
  const command = "command" in input ? input.command : undefined;
  if (typeof command === "string") return command;
  if (Array.isArray(command) && command.every(isPlain)) return command.join(" ");
  const fields = Object.entries(input);
  if (fields.length === 0) return "";
  if (fields.every(([, value]) => isPlain(value)))
    return fields.map(([name, value]) => `${name}: ${value}`).join("\n");
  return JSON.stringify(input, null, 2);
}

/** Returns the content of an expanded step, or null if the step has only a title. */
export function describeDetail(step: Step): StepDetail | null {
  switch (step.kind) {
    case "thought":
    case "notice": {
      const said = v.safeParse(text, step.detail);
      return said.success && said.output.text.trim() ? { text: said.output.text.trim() } : null;
    }
    case "tool": {
      const call = v.safeParse(tool, step.detail);
      if (!call.success) return null;
      const input = formatInput(call.output.input);
      const output = call.output.output?.trimEnd() ?? "";
      if (!input && !output) return null;
      return { ...(input ? { input } : {}), ...(output ? { output } : {}) };
    }
    case "plan": {
      const made = v.safeParse(plan, step.detail);
      return made.success && made.output.entries.length > 0
        ? { entries: made.output.entries }
        : null;
    }
    case "permission":
      return null;
    default:
      return step.kind satisfies never;
  }
}

export type Outcome = "allowed" | "rejected" | "expired" | "withdrawn";

/** Returns how a permission request ended, or null for open requests and other steps. */
export function findOutcome(step: Step): Outcome | null {
  if (step.kind !== "permission" || step.status === "pending" || step.status === "running")
    return null;
  const end = v.safeParse(decided, step.detail);
  if (end.success && end.output.decision === "allow") return "allowed";
  if (end.success && end.output.decided_by === "time_limit") return "expired";
  if (end.success && end.output.decided_by === "withdrawn") return "withdrawn";
  return step.status === "succeeded" ? "allowed" : "rejected";
}

/**
 * Describes the outcome of a permission request, including the chosen option, if any. Returns null
 * for open requests and other steps.
 */
export function describeOutcome(step: Step): string | null {
  const outcome = findOutcome(step);
  if (!outcome) return null;
  const choice = v.safeParse(chosen, step.detail);
  const option =
    choice.success &&
    choice.output.options.find(({ option_id }) => option_id === choice.output.chosen);
  const text = `${texts.permission.outcome[outcome]}: ${step.title}`;
  return option ? `${text} · ${option.name}` : text;
}

function activityOf(step: Step): keyof typeof texts.steps.activity {
  if (step.kind !== "tool") return step.kind === "permission" ? "other" : step.kind;
  const call = v.safeParse(tool, step.detail);
  const kind = (call.success && call.output.tool_kind) || "other";
  if (kind === "think") return "thought";
  return kind in texts.steps.activity ? (kind as keyof typeof texts.steps.activity) : "other";
}

/**
 * Summarizes finished steps in one line, such as "read 4 files, ran 2 commands". Rejected tool
 * calls are not counted, but permission requests that were not allowed are.
 */
export function summarizeSteps(steps: readonly Step[]): string {
  const counts = new Map<string, number>();
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const step of steps) {
    if (step.status === "running" || step.status === "pending") continue;
    const outcome = findOutcome(step);
    if (outcome && outcome !== "allowed") count(outcome);
    if (step.kind !== "permission" && step.status !== "rejected") count(activityOf(step));
  }
  const names: Readonly<Record<string, (count: number) => string>> = {
    ...texts.steps.activity,
    ...texts.steps.notAllowed,
  };
  return [...counts].map(([name, times]) => names[name]?.(times) ?? "").join(", ");
}

/** Parses permission requests and their options from step details. */
import * as v from "valibot";
import type { Step } from "@/api/models";
import { toLine } from "@/terminal/screen";
import { texts } from "@/texts";
import { type FileDiff, isInTitle, parseToolCall } from "../steps/step-detail";

const detailSchema = v.object({
  request_id: v.string(),
  options: v.array(v.object({ option_id: v.string(), name: v.string(), kind: v.string() })),
  /** When the request expires; null if it has no time limit. */
  expires_at: v.nullish(v.string(), null),
});

type PermissionOption = v.InferOutput<typeof detailSchema>["options"][number];

/**
 * The user's decision: one of the options, or a rejection if none of the options rejects the
 * request.
 */
export type PermissionAnswer = { option_id: string } | { decision: "reject" };

export interface PermissionRequest extends v.InferOutput<typeof detailSchema> {
  readonly title: string;
  /** The input of the tool call; null if it is unknown or shown by the title or the diffs. */
  readonly input: string | null;
  /** The changes to files that the tool call would make. */
  readonly diffs: readonly FileDiff[];
}

/** Returns the latest unanswered permission request, or null. */
export function findOpenRequest(steps: readonly Step[]): PermissionRequest | null {
  const step = steps.findLast(({ kind, status }) => kind === "permission" && status === "pending");
  const detail = v.safeParse(detailSchema, step?.detail);
  if (!step || !detail.success) return null;
  const tool = steps.findLast(
    ({ kind, tool_call_id }) => kind === "tool" && tool_call_id === step.tool_call_id,
  );
  const call = tool ? parseToolCall(tool) : null;
  const input = call?.input && !isInTitle(call.input, step.title) ? call.input : null;
  return { ...detail.output, title: step.title, input, diffs: call?.diffs ?? [] };
}

const isAllowing = ({ kind }: PermissionOption) => kind.startsWith("allow");
const isRejecting = ({ kind }: PermissionOption) => kind.startsWith("reject");

export interface Choice {
  readonly name: string;
  readonly answer: PermissionAnswer;
  /**
   * The emphasis. `yes` is the only option that allows the operation once. If no option allows it
   * once, `yes` is the only option that allows it at all. If several options qualify, none is
   * `yes`.
   */
  readonly look: "yes" | "option" | "no";
}

/** The variants of the buttons for choices, by look. */
export const buttonVariants = { yes: "solid", option: "outline", no: "outline" } as const;

/**
 * Returns all options in the agent's order, followed by a rejection if no option rejects the
 * request.
 */
export function listChoices(request: PermissionRequest): readonly Choice[] {
  const { options } = request;
  const once = options.filter(({ kind }) => kind === "allow_once");
  const allowing = once.length > 0 ? once : options.filter(isAllowing);
  const only = allowing.length === 1 ? allowing[0] : undefined;
  const choices = options.map((option): Choice => {
    const look = option === only ? "yes" : isRejecting(option) ? "no" : "option";
    const name = toLine(option.name).trim() || option.option_id;
    return { name, answer: { option_id: option.option_id }, look };
  });
  if (options.some(isRejecting)) return choices;
  return [
    ...choices,
    { name: texts.permission.reject, answer: { decision: "reject" }, look: "no" },
  ];
}

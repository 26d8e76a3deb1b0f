/** Permission requests and their options, as a step's detail carries them. */
import * as v from "valibot";
import type { Step } from "@/api/models";
import { texts } from "@/texts";
import { describeDetail } from "./step-detail";

const detailSchema = v.object({
  request_id: v.string(),
  options: v.array(v.object({ option_id: v.string(), name: v.string(), kind: v.string() })),
  expires_at: v.string(),
});

type PermissionOption = v.InferOutput<typeof detailSchema>["options"][number];

/** What the user answers: one of the options, or no where the agent offers none that says so. */
export type PermissionAnswer = { option_id: string } | { decision: "reject" };

export interface PermissionRequest extends v.InferOutput<typeof detailSchema> {
  readonly title: string;
  /** What the tool would be called with; null where nothing more than the title is known. */
  readonly input: string | null;
}

/** The request that waits for an answer, if there is one among the steps. */
export function findOpenRequest(steps: readonly Step[]): PermissionRequest | null {
  const step = steps.findLast(({ kind, status }) => kind === "permission" && status === "pending");
  const detail = v.safeParse(detailSchema, step?.detail);
  if (!step || !detail.success) return null;
  const tool = steps.findLast(
    ({ kind, tool_call_id }) => kind === "tool" && tool_call_id === step.tool_call_id,
  );
  const input = (tool && describeDetail(tool)?.input) ?? null;
  return { ...detail.output, title: step.title, input: input === step.title ? null : input };
}

const isAllowing = ({ kind }: PermissionOption) => kind.startsWith("allow");
const isRejecting = ({ kind }: PermissionOption) => kind.startsWith("reject");

export interface Choice {
  readonly name: string;
  readonly answer: PermissionAnswer;
  /** `yes`: the one option that allows the operation once. Of several, none stands out. */
  readonly look: "yes" | "option" | "no";
}

/** Every option in the agent's order, and a way to decline where it offers none. */
export function listChoices(request: PermissionRequest): readonly Choice[] {
  const { options } = request;
  const once = options.filter(({ kind }) => kind === "allow_once");
  const allowing = once.length > 0 ? once : options.filter(isAllowing);
  const only = allowing.length === 1 ? allowing[0] : undefined;
  const choices = options.map((option): Choice => {
    const look = option === only ? "yes" : isRejecting(option) ? "no" : "option";
    const name = option.name.trim() || option.option_id;
    return { name, answer: { option_id: option.option_id }, look };
  });
  if (options.some(isRejecting)) return choices;
  return [
    ...choices,
    { name: texts.permission.reject, answer: { decision: "reject" }, look: "no" },
  ];
}

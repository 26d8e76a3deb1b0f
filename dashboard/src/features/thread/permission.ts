/** Requests of an agent to be allowed something, as they come in a step's detail. */
import * as v from "valibot";
import type { Step } from "@/api/models";
import { describeDetail } from "./step-detail";

const detailSchema = v.object({
  request_id: v.string(),
  options: v.array(v.object({ decision: v.picklist(["allow", "reject"]), name: v.string() })),
  expires_at: v.string(),
});

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

/** Requests of an agent to be allowed something, as they come in a step's detail. */
import * as v from "valibot";
import type { Step } from "@/api/models";

const detailSchema = v.object({
  request_id: v.string(),
  options: v.array(v.object({ decision: v.picklist(["allow", "reject"]), name: v.string() })),
  expires_at: v.string(),
});

export type PermissionRequest = v.InferOutput<typeof detailSchema> & { readonly title: string };

/** The request that waits for an answer, if there is one among the steps. */
export function findOpenRequest(steps: readonly Step[]): PermissionRequest | null {
  const step = steps.findLast(({ kind, status }) => kind === "permission" && status === "pending");
  const detail = v.safeParse(detailSchema, step?.detail);
  return step && detail.success ? { ...detail.output, title: step.title } : null;
}

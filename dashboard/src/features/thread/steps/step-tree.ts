/** Groups the steps of sub-agents under the steps that started them. */
import type { Step } from "@/api/models";

export interface StepNode {
  readonly step: Step;
  /** The steps of the sub-agent that this step started. */
  readonly children: readonly StepNode[];
}

/**
 * Returns the steps as a tree, in the order in which they began. A step whose parent is not among
 * the preceding steps is at the top level.
 */
export function buildStepTree(steps: readonly Step[]): readonly StepNode[] {
  const roots: StepNode[] = [];
  const childrenOf = new Map<string, StepNode[]>();
  for (const step of steps) {
    const siblings = childrenOf.get(step.parent_tool_call_id ?? "") ?? roots;
    const children: StepNode[] = [];
    siblings.push({ step, children });
    // An agent may use an ID again. Later steps belong to the later call.
    if (step.kind === "tool" && step.tool_call_id) childrenOf.set(step.tool_call_id, children);
  }
  return roots;
}

/** Returns whether two nodes have the same steps. */
export function isSameNode(one: StepNode, other: StepNode): boolean {
  return (
    one.step === other.step &&
    one.children.length === other.children.length &&
    one.children.every((child, index) => {
      const counterpart = other.children[index];
      return counterpart !== undefined && isSameNode(child, counterpart);
    })
  );
}

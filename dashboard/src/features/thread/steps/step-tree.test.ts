// @vitest-environment node
import { describe, expect, it } from "vitest";
import { makeStep } from "@/test-objects";
import { buildStepTree, isSameNode, type StepNode } from "./step-tree";

const tool = (seq: number, tool_call_id: string, parent_tool_call_id: string | null = null) =>
  makeStep({ seq, tool_call_id, parent_tool_call_id });

/** Returns the numbers of the steps, with those of children in brackets. */
function outline(nodes: readonly StepNode[]): string {
  return nodes
    .map(
      ({ step, children }) => `${step.seq}${children.length > 0 ? `(${outline(children)})` : ""}`,
    )
    .join(" ");
}

describe("buildStepTree", () => {
  it("nests the steps of sub-agents", () => {
    const steps = [
      tool(1, "a"),
      tool(2, "b", "a"),
      tool(3, "c"),
      tool(4, "d", "b"),
      tool(5, "e", "a"),
    ];

    expect(outline(buildStepTree(steps))).toBe("1(2(4) 5) 3");
  });

  it("keeps a step without a preceding parent at the top level", () => {
    const steps = [
      tool(1, "a", "unknown"),
      tool(2, "b", "b"),
      tool(3, "c", "d"),
      tool(4, "d", "c"),
    ];

    expect(outline(buildStepTree(steps))).toBe("1 2 3(4)");
  });

  it("assigns steps to the latest call with the ID", () => {
    const steps = [tool(1, "a"), tool(2, "b", "a"), tool(3, "a"), tool(4, "c", "a")];

    expect(outline(buildStepTree(steps))).toBe("1(2) 3(4)");
  });

  it("accepts steps without the field", () => {
    expect(outline(buildStepTree([makeStep(), makeStep({ seq: 2, tool_call_id: null })]))).toBe(
      "1 2",
    );
  });
});

describe("isSameNode", () => {
  it("compares the steps and their children", () => {
    const steps = [tool(1, "a"), tool(2, "b", "a")];
    const [node, same] = [buildStepTree(steps)[0], buildStepTree(steps)[0]];
    const changed = buildStepTree([steps[0] ?? tool(1, "a"), tool(2, "b", "a")])[0];
    const shorter = buildStepTree(steps.slice(0, 1))[0];
    if (!node || !same || !changed || !shorter) throw new Error("a tree is empty");

    expect(isSameNode(node, same)).toBe(true);
    expect(isSameNode(node, changed)).toBe(false);
    expect(isSameNode(node, shorter)).toBe(false);
  });
});

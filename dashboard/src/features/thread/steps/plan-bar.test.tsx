import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { makeStep, makeTask } from "@/test-objects";
import { PlanBar } from "./plan-bar";

const plan = (seq: number, ...entries: readonly (readonly [string, string])[]) =>
  makeStep({
    kind: "plan",
    seq,
    detail: { entries: entries.map(([content, status]) => ({ content, status })) },
  });
const running = makeTask({ status: "running" });
const steps = [
  plan(1, ["Read the code", "in_progress"], ["Run the tests", "pending"]),
  makeStep({ seq: 2 }),
  plan(3, ["Read the code", "completed"], ["Run the tests", "in_progress"], ["Report", "pending"]),
];

describe("PlanBar", () => {
  it("shows the current entry of the latest plan", () => {
    render(<PlanBar task={running} steps={steps} />);

    expect(screen.getByRole("button", { name: "2/3 · Run the tests" })).toBeTruthy();
    expect(screen.queryByRole("listitem")).toBeNull();
  });

  it("expands to all entries", async () => {
    render(<PlanBar task={running} steps={steps} />);

    await userEvent.click(screen.getByRole("button"));

    expect(screen.getAllByRole("listitem").map((entry) => entry.textContent)).toEqual([
      "Read the code (done)",
      "Run the tests (in progress)",
      "Report (to do)",
    ]);
  });

  it("shows the next entry between two entries, and the end of the plan", () => {
    const next = plan(1, ["Read", "completed"], ["Write", "pending"]);
    const { rerender } = render(<PlanBar task={running} steps={[next]} />);
    expect(screen.getByRole("button").textContent).toBe("2/2 · Write");

    rerender(
      <PlanBar task={running} steps={[plan(2, ["Read", "completed"], ["Write", "completed"])]} />,
    );
    expect(screen.getByRole("button").textContent).toBe("2/2 · Done");
  });

  it("renders nothing without a plan and after the turn", () => {
    const ended = makeTask({ status: "succeeded" });
    const { container } = render(
      <>
        <PlanBar task={running} steps={[makeStep()]} />
        <PlanBar task={ended} steps={steps} />
        <PlanBar task={null} steps={[]} />
      </>,
    );

    expect(container.textContent).toBe("");
  });
});

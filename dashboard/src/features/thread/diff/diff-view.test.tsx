import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { DiffView } from "./diff-view";

const added = (count: number) =>
  Array.from({ length: count }, (_, index) => `+line ${index + 1}\n`).join("");
const newFile = (count: number) => `@@ -0,0 +1,${count} @@\n${added(count)}`;

function show(patch: string, over: { additions?: number; deletions?: number } = {}) {
  const counts = { additions: 1, deletions: 1, ...over };
  render(<DiffView path="src/app.py" patch={patch} {...counts} maxLines={40} />);
  return screen.getByRole("group", { name: "Changes to src/app.py" });
}

describe("DiffView", () => {
  it("shows the numbers, the signs, and the changed words of lines", () => {
    const diff = show("@@ -2,2 +2,2 @@\n import os\n-limit = 10\n+limit = 20\n");

    const lines = [...diff.querySelectorAll(".diff-line")].map((line) => ({
      kind: line.getAttribute("data-kind"),
      numbers: [...line.querySelectorAll("[data-number]")].map((one) =>
        one.getAttribute("data-number"),
      ),
      text: line.textContent,
      words: [...line.querySelectorAll(".diff-word")].map((word) => word.textContent),
    }));
    expect(lines).toEqual([
      { kind: "context", numbers: ["2", "2"], text: "import os", words: [] },
      { kind: "deletion", numbers: ["3", ""], text: "Deleted: limit = 10", words: ["10"] },
      { kind: "addition", numbers: ["", "3"], text: "Added: limit = 20", words: ["20"] },
    ]);
    expect(within(diff).getByText("1 unchanged line")).toBeTruthy();
    expect(within(diff).getByText("1 addition, 1 deletion")).toBeTruthy();
  });

  it("collapses a long diff", async () => {
    const diff = show(newFile(2000), { additions: 2000, deletions: 0 });
    const count = () => diff.querySelectorAll(".diff-line").length;

    expect(count()).toBe(40);
    await userEvent.click(within(diff).getByRole("button", { name: "Show all 2,000 lines" }));
    await waitFor(() => expect(count()).toBe(2000));

    const less = within(diff).getByRole("button", { name: "Show less" });
    expect(document.activeElement).toBe(less);
    await userEvent.click(less);
    expect(count()).toBe(40);
  });

  it("shows a diff that is only slightly longer in full", () => {
    const diff = show(newFile(44), { additions: 44, deletions: 0 });

    expect(diff.querySelectorAll(".diff-line")).toHaveLength(44);
    expect(within(diff).queryByRole("button", { name: /^Show/ })).toBeNull();
  });

  it("explains omitted changes", () => {
    const truncated = show(newFile(3), { additions: 20_000, deletions: 0 });

    expect(within(truncated).getByText(/^The rest of this change/)).toBeTruthy();
    expect(within(truncated).getByText("20,000 additions, 0 deletions")).toBeTruthy();
  });

  it("explains why there are no lines", () => {
    expect(within(show("", { additions: 0, deletions: 0 })).getByText("No changes")).toBeTruthy();
  });
});

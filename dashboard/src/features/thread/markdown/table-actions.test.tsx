import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import fc from "fast-check";
import type { Element } from "hast";
import { describe, expect, it, vi } from "vitest";
import { Toaster } from "@/components/ui/toast";
import { MarkdownView } from "./markdown-view";
import { toCsv, toHtml } from "./table-text";

const TABLE = `| Name | Count | Note |
|:-----|------:|:----:|
| **bold** and *it* | 1,000 | "quoted" |
| \`a \\| b\` | 2 | one<br>two |
| [link](https://example.com/a) | $x^2$ | ~~old~~ a\\|b |
`;

/** Renders a table, presses one of its buttons, and returns what was copied. */
async function copy(markdown: string, button: string): Promise<string> {
  const user = userEvent.setup();
  render(<MarkdownView text={markdown} isStreaming={false} />);
  await user.click(screen.getByRole("button", { name: button }));
  await screen.findByText("Copied");
  return navigator.clipboard.readText();
}

describe("a table", () => {
  it("is copied as CSV", async () => {
    expect(await copy(TABLE, "Copy table as CSV")).toBe(
      [
        "Name,Count,Note",
        'bold and it,"1,000","""quoted"""',
        'a | b,2,"one\ntwo"',
        "link,x^2,old a|b",
        "",
      ].join("\r\n"),
    );
  });

  it("is copied as Markdown with its formatting and alignment", async () => {
    const copied = await copy(TABLE, "Copy table as Markdown");

    expect(copied.split("\n").map((line) => line.replaceAll(/ +/g, " "))).toEqual([
      "| Name | Count | Note |",
      "| :---------------------------- | ----: | :----------: |",
      '| **bold** and *it* | 1,000 | "quoted" |',
      "| `a \\| b` | 2 | one<br>two |",
      "| [link](https://example.com/a) | $x^2$ | ~~old~~ a\\|b |",
      "",
    ]);
  });

  it("keeps the delimiters of math, and escapes dollar signs that are not math", async () => {
    const table = String.raw`| A | B |
| --- | --- |
| \(x\) and $y_1$ | \$x\$ |
| $$z^2$$ | $5 |
`;

    const copied = await copy(table, "Copy table as Markdown");

    expect(copied.split("\n").map((line) => line.replaceAll(/ +/g, " "))).toEqual([
      "| A | B |",
      "| --------------- | ----- |",
      String.raw`| \(x\) and $y_1$ | \$x\$ |`,
      String.raw`| $$z^2$$ | \$5 |`,
      "",
    ]);
  });

  it("keeps dollar signs that cannot be math", async () => {
    const copied = await copy("| A |\n| - |\n| $5 and $10 |\n", "Copy table as Markdown");

    expect(copied).toContain("| $5 and $10 |");
  });

  it("that was copied as Markdown renders in the same way", async () => {
    const { container } = render(<MarkdownView text={TABLE} isStreaming={false} />);
    const before = container.querySelector("table")?.outerHTML;
    container.remove();

    const copied = await copy(TABLE, "Copy table as Markdown");

    const again = render(<MarkdownView text={copied} isStreaming={false} />).container;
    expect(again.querySelector("table")?.outerHTML).toBe(before);
  });

  it("says that the browser does not copy", async () => {
    const user = userEvent.setup();
    const copying = vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new Error());
    render(<MarkdownView text={TABLE} isStreaming={false} />);
    render(<Toaster isListHidden={false} />);

    await user.click(screen.getByRole("button", { name: "Copy table as Markdown" }));

    await screen.findByText("Couldn’t copy. Allow clipboard access in your browser.");
    expect(screen.queryByText("Copied")).toBeNull();
    copying.mockRestore();
  });
});

const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "é", "<", "&", "=") });
const tableOf = (rows: readonly (readonly string[])[]): Element => ({
  type: "element",
  tagName: "table",
  properties: {},
  children: rows.map((row) => ({
    type: "element",
    tagName: "tr",
    properties: {},
    children: row.map((value) => ({
      type: "element",
      tagName: "td",
      properties: {},
      children: [{ type: "text", value }],
    })),
  })),
});

/** Parses CSV (RFC 4180). */
function parseCsv(csv: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'));
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

describe("a copied table", () => {
  const rows = fc
    .integer({ min: 1, max: 4 })
    .chain((width) =>
      fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1 }),
    );

  it("contains all cells as CSV", () => {
    fc.assert(
      fc.property(rows, (cells) => {
        expect(parseCsv(toCsv(tableOf(cells)))).toEqual(cells);
      }),
    );
  });

  it("contains all cells as HTML", () => {
    fc.assert(
      fc.property(rows, (cells) => {
        const parsed = new DOMParser().parseFromString(toHtml(tableOf(cells)), "text/html");
        const texts = [...parsed.querySelectorAll("tr")].map((row) =>
          [...row.querySelectorAll("td")].map((one) => {
            for (const line of one.querySelectorAll("br")) line.replaceWith("\n");
            return one.textContent;
          }),
        );
        expect(texts).toEqual(cells);
      }),
    );
  });
});

import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { MarkdownView } from "./markdown-view";

function show(text: string): HTMLElement {
  return render(<MarkdownView text={text} isStreaming={false} />).container;
}

describe("links in an answer", () => {
  it("open in a new tab", () => {
    show("See [the page](https://example.com/a) and me@example.com.");

    const links = screen
      .getAllByRole("link")
      .map((link) => [link.getAttribute("href"), link.getAttribute("target")]);
    expect(links).toEqual([
      ["https://example.com/a", "_blank"],
      ["mailto:me@example.com", "_blank"],
    ]);
  });

  it.each([
    "src/main.rs",
    "src/main.rs:3",
    "/srv/main.rs#L3",
    "javascript:alert(1)",
    "data:text/html,x",
    "#intro",
    "#fn-1",
    "#user-content-fn-1",
  ])("are reduced to their text for the address %s", (address) => {
    const shown = show(`See [the **file**](${address}).`);

    expect(screen.queryByRole("link")).toBeNull();
    expect(shown.textContent).toBe("See the file.");
  });

  it.each([
    ["[![a badge](https://a.example/b.svg)](https://c.example/d)", "a badge"],
    ["[![](https://a.example/b.svg)](https://c.example/d)", "https://a.example/b.svg"],
    ["[See **https://a.example/b，c**](https://c.example/d)", "See https://a.example/b，c"],
    ["[See https://a.example/b。](https://c.example/d)", "See https://a.example/b。"],
  ])("contain no other link: %s", (markdown, text) => {
    show(markdown);

    const links = screen.getAllByRole("link");
    expect(links.map((link) => [link.getAttribute("href"), link.textContent])).toEqual([
      ["https://c.example/d", text],
    ]);
  });

  it("lead to a footnote in the same answer and back", async () => {
    const text = "A claim[^1].\n\n[^1]: Its source.";
    show(text);
    const answer = show(text);
    const [there, back] = answer.querySelectorAll("a");

    await userEvent.click(there as HTMLElement);
    expect(document.activeElement).toBe(back);

    await userEvent.click(back as HTMLElement);
    expect(document.activeElement).toBe(there);
    expect(window.location.hash).toBe("");
  });
});

describe("a table in an answer", () => {
  it("does not wrap short text and numbers", () => {
    const cells = ["Name", "1,234,567.89 EUR", "-12 345 %", "2026-01-02 10:30", "<br>ab"];
    const long = ["A long description", "1 of the longest sentences", "https://example.com/a/b"];
    const row = (all: readonly string[]) => `| ${all.join(" | ")} |`;
    const shown = show([row(cells), row(cells.map(() => "---")), row(cells), row(long)].join("\n"));

    const short = [...shown.querySelectorAll("[data-short]")].map((cell) => cell.textContent);
    expect(short.slice(0, 4)).toEqual(cells.slice(0, 4));
    for (const text of long) expect(short).not.toContain(text);
  });
});

describe("images in an answer", () => {
  it("are shown as links and not loaded", () => {
    show("![a plot](https://example.com/plot.png)");

    expect(screen.queryByRole("img")).toBeNull();
    const link = screen.getByRole("link", { name: "a plot" });
    expect(link.getAttribute("href")).toBe("https://example.com/plot.png");
  });

  it.each([
    ["![a plot](plot.png)", "a plot"],
    ["![](out/plot.png)", "out/plot.png"],
    ["![a dot](data:image/gif;base64,R0lGODlhAQABAAAAACw=)", "a dot"],
    ["![](data:image/gif;base64,R0lGODlhAQABAAAAACw=)", "Image"],
    ["![]()", "Image"],
  ])("are reduced to their text without a web address: %s", (markdown, text) => {
    const shown = show(markdown);

    expect(screen.queryByRole("img")).toBeNull();
    expect(screen.queryByRole("link")).toBeNull();
    expect(shown.textContent).toBe(text);
  });

  it.each([
    "![a plot](https://example.com/plot.png)",
    "![](https://example.com/plot.png)",
    "![](data:image/gif;base64,R0lGODlhAQABAAAAACw=)",
  ])("show at most their text while they are streamed: %s", (markdown) => {
    for (let end = 1; end < markdown.length; end++) {
      const text = markdown.slice(0, end);
      const { container, unmount } = render(<MarkdownView text={text} isStreaming />);
      expect(container.textContent).toMatch(/^!?\[?(?:a(?: p?l?o?t?)?)?\]?$/);
      expect(container.innerHTML).not.toContain("incomplete");
      unmount();
    }
  });
});

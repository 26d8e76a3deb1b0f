import { render, screen, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { beforeAll, describe, expect, it } from "vitest";
import { AnswerText } from "../answer/answer-text";
import { CodeBlock } from "./code-block";
import { loadMarkdown } from "./markdown";
import { MarkdownView } from "./markdown-view";

beforeAll(() => {
  // jsdom does not scroll.
  Element.prototype.scrollIntoView = () => {};
});

const lines = (count: number, name: string) =>
  Array.from({ length: count }, (_, index) => `${name} ${index + 1}`).join("\n");
const fence = (code: string, language = "txt") => `\`\`\`${language}\n${code}\n\`\`\``;
const isFolded = (shown: HTMLElement) => shown.querySelector(".folded-code") !== null;

describe("long code in an answer", () => {
  it("is folded until it is unfolded", async () => {
    const code = lines(41, "a");
    const shown = render(<MarkdownView text={fence(code)} isStreaming={false} />).container;

    expect(isFolded(shown)).toBe(true);
    expect(shown.querySelector("pre")?.textContent).toBe(code);
    await userEvent.click(screen.getByRole("button", { name: "Show all 41 lines" }));
    expect(isFolded(shown)).toBe(false);
    await userEvent.click(screen.getByRole("button", { name: "Show less" }));
    expect(isFolded(shown)).toBe(true);
  });

  it("is not folded if it has few lines", () => {
    const { container } = render(<MarkdownView text={fence(lines(40, "b"))} isStreaming={false} />);

    expect(isFolded(container)).toBe(false);
    expect(screen.queryByRole("button", { name: /^Show/ })).toBeNull();
  });

  it("can be downloaded when it is complete", () => {
    const text = fence("let a = 1;", "js");
    const { rerender } = render(<MarkdownView text={text.slice(0, -4)} isStreaming />);
    const button = screen.getByRole("button", { name: "Download code" });
    expect(button).toHaveProperty("disabled", true);

    rerender(<MarkdownView text={`${text}\nMore`} isStreaming />);

    expect(screen.getByRole("button", { name: "Download code" })).toHaveProperty("disabled", false);
  });

  it("is not folded while it is streamed, or when its answer is finished", () => {
    const text = fence(lines(50, "c"));
    const { container, rerender } = render(<MarkdownView text={text.slice(0, -3)} isStreaming />);
    rerender(<MarkdownView text={text} isStreaming />);
    expect(isFolded(container)).toBe(false);
    expect(screen.queryByRole("button", { name: /^Show/ })).toBeNull();

    rerender(<MarkdownView text={text} isStreaming={false} />);
    expect(isFolded(container)).toBe(false);
    expect(screen.getByRole("button", { name: "Show less" })).toBeTruthy();

    expect(isFolded(render(<MarkdownView text={text} isStreaming={false} />).container)).toBe(true);
  });

  it("is unfolded by a search", async () => {
    const { container } = render(<MarkdownView text={fence(lines(60, "d"))} isStreaming={false} />);

    container.querySelector(".folded-code")?.dispatchEvent(new Event("beforematch"));

    await screen.findByRole("button", { name: "Show less" });
    expect(isFolded(container)).toBe(false);
  });

  it("is not folded in a message of the user", () => {
    const { container } = render(
      <CodeBlock code={lines(99, "e")} language={undefined} name={undefined} />,
    );

    expect(isFolded(container)).toBe(false);
  });
});

describe("a diff in an answer", () => {
  it.each(["diff", "patch"])("marks changed lines and keeps its text: %s", async (language) => {
    const code = "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n import os\n-x = 10\n+x = 20";
    const shown = render(<MarkdownView text={fence(code, language)} isStreaming={false} />);

    const deleted = await within(shown.container).findByText("10");
    expect(deleted.closest("[data-kind]")?.getAttribute("data-kind")).toBe("deletion");
    expect(
      [...shown.container.querySelectorAll("[data-kind]")].map((line) => line.textContent).join(""),
    ).toBe(`${code}\n`);
    expect(
      [...shown.container.querySelectorAll(".diff-word")].map((word) => word.textContent),
    ).toEqual(["10", "20"]);
    expect(shown.container.querySelector(".token-keyword")?.textContent).toBe("import");
  });
});

it("wraps lines on request", async () => {
  const { container } = render(<CodeBlock code="x" language="sh" name={undefined} />);

  const wrap = screen.getByRole("button", { name: "Wrap lines" });
  await userEvent.click(wrap);

  expect(wrap.getAttribute("aria-pressed")).toBe("true");
  expect(container.querySelector("[data-wrapped]")).not.toBeNull();
});

describe("code of a program's output in an answer", () => {
  it.each([
    ["```\nDownloading  10%\rDownloading 100%\ndone\n```", "Downloading 100%\ndone"],
    ["```\r\na\r\nb\r\n```\r\n", "a\nb"],
    ["```\r\n10%\r100%\r\nb\r\n```\r\n", "100%\nb"],
  ])("shows the last state of each line: %j", async (text, shown) => {
    await loadMarkdown();
    const { container } = render(<AnswerText text={text} format="markdown" isStreaming={false} />);

    expect(container.querySelector("pre")?.textContent).toBe(shown);
  });
});

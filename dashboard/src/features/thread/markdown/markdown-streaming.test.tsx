import { render } from "@testing-library/react";
import fc from "fast-check";
import { Streamdown } from "streamdown";
import { beforeAll, describe, expect, it } from "vitest";
import { MarkdownView, options } from "./markdown-view";
import { katex } from "./math";

beforeAll(() => katex.load().then(() => {}));

const words = fc.constantFrom(
  "one",
  "two",
  "**bold**",
  "`code`",
  "*italic*",
  "~~gone~~",
  "(~2 rows)",
  "[a](https://b.c)",
  "https://example.org/a，然后",
  "**「重点」**内容",
  "\\(a^2 + b_1\\)",
  "$O(n \\log n)$",
  "$5 and $10",
  "$$x$$",
  "<kbd>Ctrl</kbd>",
  "H<sub>2</sub>O",
  "a<br>b",
  "<T>",
  "2 > 1",
  "snake_case_name",
  "[^1]",
  "[ref][r]",
  "مرحبا",
);
const line = fc.array(words, { minLength: 1, maxLength: 4 }).map((all) => all.join(" "));
const lines = fc.array(line, { minLength: 1, maxLength: 3 });
const block = fc.oneof(
  lines.map((all) => all.join("\n")),
  line.map((text) => `## ${text}`),
  lines.map((all) => all.map((one) => `- ${one}`).join("\n")),
  lines.map((all) => all.map((one, index) => `${index + 1}. ${one}\n\n   ${one}`).join("\n")),
  line.map((text) => `> ${text}\n> ${text}`),
  line.map((text) => `\`\`\`rust\n// ${text}\n\nlet x = 1;\n\`\`\``),
  line.map((text) => `- ${text}\n  ~~~\n  ${text}\n  ~~~`),
  line.map((text) => `| a | b |\n|---|---|\n| 1 | ${text} |`),
  line.map((text) => `<details>\n<summary>More</summary>\n\n${text}\n\n- ${text}\n\n</details>`),
  fc.constantFrom(
    "$$\nE = mc^2\n$$",
    "\\[\nx\n=\n+ y\n\\]",
    "So:\n\\[ x_1 \\]",
    "- a\n  $$\n  x\n  $$",
    "> \\[\n> x\n> \\]",
    "<script>\nalert(1)\n\n</script>",
    "<div>\n\ntext\n\n</div>",
    "---",
    "[^1]: A note.",
    "[r]: https://example.com",
    "```mermaid\ngraph TD\n  A --> B\n```",
  ),
);
const documents = fc.array(block, { minLength: 1, maxLength: 5 }).map((all) => all.join("\n\n"));

const complete = (text: string) => render(<MarkdownView text={text} isStreaming={false} />);
const streamed = (text: string) => render(<MarkdownView text={text} isStreaming />);

/** Does not split a text. */
const one = (text: string) => [text];

describe("Markdown", () => {
  it("that is cut at any positions and streamed is rendered like the complete text", () => {
    fc.assert(
      fc.property(documents, fc.array(fc.nat(400), { maxLength: 6 }), (text, cuts) => {
        const view = streamed("");
        for (const end of cuts.toSorted((a, b) => a - b))
          view.rerender(<MarkdownView text={text.slice(0, end)} isStreaming />);
        view.rerender(<MarkdownView text={text} isStreaming={false} />);
        const expected = complete(text);

        expect(view.container.innerHTML).toBe(expected.container.innerHTML);
        view.unmount();
        expected.unmount();
      }),
      { numRuns: 40 },
    );
  });

  it("is rendered equally while and after it is streamed", () => {
    fc.assert(
      fc.property(documents, (text) => {
        const view = streamed(text);
        const expected = complete(text);

        expect(view.container.innerHTML).toBe(expected.container.innerHTML);
        view.unmount();
        expected.unmount();
      }),
      { numRuns: 60 },
    );
  });

  it("is rendered equally in blocks and as a whole", () => {
    fc.assert(
      fc.property(documents, (text) => {
        const view = complete(text);
        const whole = render(
          <Streamdown {...options} parseIncompleteMarkdown={false} parseMarkdownIntoBlocksFn={one}>
            {text}
          </Streamdown>,
        );

        const withoutLines = ({ container }: typeof view) =>
          container.innerHTML.replace(/>\n+</g, "><");
        expect(withoutLines(view)).toBe(withoutLines(whole));
        view.unmount();
        whole.unmount();
      }),
      { numRuns: 60 },
    );
  });
});

describe("math", () => {
  it.each([
    "> quote\n>\n> $$\n> \\beta + 1\n> $$",
    "1. Item\n   $$\n   z = 3\n   $$",
    "- $$\n  z = 3\n  $$",
    "- a\n  > $$\n  > z > 3\n  > $$",
    "- | a | b |\n  |---|---|\n  | 1 | 2 |\n  $$\n  x\n  $$",
    "| a | b |\n|---|---|\n| 1 | 2 |\n$$\nx\n$$",
    "So\n$$\nx = \\text{if it is}\n$$\nend",
    "So\n\\[\nx = \\text{if it is}\n\\]\nend",
    "\\[ a^2 \\] $$ b $$ \\(c\\)",
    "$$\na\n\n= b\n\n$$\n\nend",
    "> $$\n> a\n>\n> = b\n> $$",
    "# A $$x$$\n\n$$a$$",
  ])("is never shown as text while it is streamed: %j", (text) => {
    for (let end = 1; end < text.length; end++) {
      const { container, unmount } = streamed(text.slice(0, end));
      for (const one of container.querySelectorAll("annotation")) one.remove();
      expect([end, container.textContent]).toEqual([
        end,
        expect.not.stringMatching(/%|\$\$|\\\[|\[$/),
      ]);
      unmount();
    }
  });
});

import { render } from "@testing-library/react";
import fc from "fast-check";
import { expect, it } from "vitest";
import { toPlainMarkdown } from "@/markdown/plain-markdown";
import { MarkdownView } from "./markdown-view";

const words = fc.constantFrom(
  ..."one|two|**bold**|__bold__|*it*|_it_|~~gone~~|`a * b`|``a`b``|[a](https://b.c)|**a *b* c**".split(
    "|",
  ),
  ..."https://a.b/c_d_e|<https://a.b>|2 > 1|a<b|snake_case_name|* x *|**「重点」**内容|(~2 rows)".split(
    "|",
  ),
  ..."$5 and $10|<kbd>K</kbd>|a<br>b|<T>|&lt;b&gt;|\\*a\\*|[x]|![i](https://b.c/d.png)|a|b|#1|-".split(
    "|",
  ),
  "[ref][r]",
  "*a",
  "b**",
);
const line = fc.array(words, { minLength: 1, maxLength: 5 }).map((all) => `x ${all.join(" ")}`);
const lines = fc.array(line, { minLength: 1, maxLength: 3 });
const block = fc.oneof(
  lines.map((all) => all.join("\n")),
  line.map((text) => `## ${text}`),
  line.map((text) => `${text}\n---`),
  lines.map((all) => all.map((one) => `- ${one}`).join("\n")),
  lines.map((all) => all.map((one) => `> ${one}`).join("\n")),
  line.map((text) => `- [x] ${text}\n  - ${text}`),
  line.map((text) => `> - ${text}`),
  fc.constantFrom("***", "| a | b |\n|---|:-:|\n| `1` | x\\|y |", "[r]: https://example.com"),
);
const documents = fc.array(block, { minLength: 1, maxLength: 4 }).map((all) => all.join("\n\n"));

it("the plain text of an answer is that of the rendered answer", () => {
  fc.assert(
    fc.property(documents, (text) => {
      const { container, unmount } = render(<MarkdownView text={text} isStreaming={false} />);
      const rendered = container.textContent ?? "";
      unmount();

      const letters = (one: string) => one.replace(/\s+/g, "");
      expect(letters(toPlainMarkdown(text))).toBe(letters(rendered));
    }),
    { numRuns: 300 },
  );
});

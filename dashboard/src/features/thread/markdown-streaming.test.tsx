import { render } from "@testing-library/react";
import fc from "fast-check";
import { expect, it } from "vitest";
import { MarkdownView } from "./markdown-view";

const words = fc.constantFrom("one", "two", "**bold**", "`code`", "*italic*", "[a](https://b.c)");
const line = fc.array(words, { minLength: 1, maxLength: 4 }).map((all) => all.join(" "));
const block = fc.oneof(
  line,
  line.map((text) => `## ${text}`),
  fc
    .array(line, { minLength: 1, maxLength: 3 })
    .map((all) => all.map((one) => `- ${one}`).join("\n")),
  line.map((text) => `> ${text}`),
  line.map((text) => `\`\`\`rust\n// ${text}\nlet x = 1;\n\`\`\``),
  fc.constant("| a | b |\n|---|---|\n| 1 | 2 |"),
);
const documents = fc.array(block, { minLength: 1, maxLength: 5 }).map((all) => all.join("\n\n"));

it("renders text that is cut at any positions and streamed like the complete text", () => {
  fc.assert(
    fc.property(documents, fc.array(fc.nat(400), { maxLength: 6 }), (text, cuts) => {
      const streamed = render(<MarkdownView text="" isStreaming />);
      for (const end of cuts.toSorted((a, b) => a - b))
        streamed.rerender(<MarkdownView text={text.slice(0, end)} isStreaming />);
      streamed.rerender(<MarkdownView text={text} isStreaming={false} />);
      const complete = render(<MarkdownView text={text} isStreaming={false} />);

      expect(streamed.container.innerHTML).toBe(complete.container.innerHTML);
      streamed.unmount();
      complete.unmount();
    }),
    { numRuns: 20 },
  );
});

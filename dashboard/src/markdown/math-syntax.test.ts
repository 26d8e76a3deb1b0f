// @vitest-environment node
import { fromMarkdown } from "mdast-util-from-markdown";
import { describe, expect, it } from "vitest";
import { mathFromMarkdown, mathSyntax } from "./math-syntax";

/** Returns the types of the blocks, and the math with its kind. */
function parse(text: string): { blocks: string[]; math: [string, string][] } {
  const root = fromMarkdown(text, {
    extensions: [mathSyntax],
    mdastExtensions: [mathFromMarkdown],
  });
  const math: [string, string][] = [];
  const visit = (node: { type: string; value?: string; data?: unknown; children?: unknown }) => {
    if (node.type === "math")
      math.push([node.value ?? "", /math-\w+/.exec(JSON.stringify(node.data))?.[0] ?? ""]);
    for (const child of (node.children ?? []) as Parameters<typeof visit>[0][]) visit(child);
  };
  visit(root);
  return { blocks: root.children.map(({ type }) => type), math };
}

describe("math within a paragraph", () => {
  it.each([
    ["So \\(a^2 + b_1 * c_1 * d\\).", "a^2 + b_1 * c_1 * d", "math-inline"],
    ["So $O(n \\log n)$, on average", "O(n \\log n)", "math-inline"],
    ["$x$-axis", "x", "math-inline"],
    ["the set ($x_1$)", "x_1", "math-inline"],
    ["$2x$", "2x", "math-inline"],
    ["\\(\\text{if it is}\\)", "\\text{if it is}", "math-inline"],
    ["a $$x^2$$ b", "x^2", "math-display"],
    ["a \\[x\\\\[2pt]y\\] b", "x\\\\[2pt]y", "math-display"],
    ["- \\(a\n  b\\)", "a\nb", "math-inline"],
    ["**\\(x\\)**", "x", "math-inline"],
  ])("is found in %j", (text, source, kind) => {
    expect(parse(text).math).toEqual([[source, kind]]);
  });

  it.each([
    ["设$x^2$为正数，其中$a$和$b$是整数，函数$f(x)$的值。", ["x^2", "a", "b", "f(x)"]],
    ["関数$f(x)$は連続。データ$x$がー$y$", ["f(x)", "x", "y"]],
    ["값$x$은", ["x"]],
    ["ค่า$x$คือ", ["x"]],
    ["**结论$x=1$成立**", ["x=1"]],
    ["若$\\text{长度}=n$则", ["\\text{长度}=n"]],
    ["单价$5元，变量$x$为", ["x"]],
  ])("is found next to letters without spaces in %j", (text, sources) => {
    expect(parse(text).math).toEqual(sources.map((source) => [source, "math-inline"]));
  });

  it.each([
    "$5 and $10",
    "价格是$5到$10元",
    "从$5涨到$八",
    "变量$HOME和$PATH的值",
    "设a$b$是",
    "共3$x$个",
    "a$b$c",
    "from $5 to 10$ a month",
    "US$5/CA$10",
    "$5-$10",
    "$HOME/bin:$PATH",
    "echo $HOME$",
    "`\\(a\\)` and ``$x$``",
    "```\n$x$\n```",
    "    \\(a\\)",
    "\\$x$",
    "\\\\(a\\\\)",
    "an escaped \\[link with words\\] and \\(some words\\)",
    "\\( \\)",
    "$$",
    "$$ x",
    "\\(a\n\nb\\)",
    "$ x $",
  ])("is not found in %j", (text) => {
    expect(parse(text).math).toEqual([]);
  });
});

describe("a block of math", () => {
  it.each([
    ["$$\nE = mc^2\n$$", ["math"], "E = mc^2"],
    ["\\[\nx\n=\ny\n+ z\n- 1\n\\]", ["math"], "x\n=\ny\n+ z\n- 1"],
    ["\\[ x^2 \\]", ["math"], "x^2"],
    ["So\n$$\nx\n$$\nend", ["paragraph", "math", "paragraph"], "x"],
    ["So\n\\[\n- x\n\\]", ["paragraph", "math"], "- x"],
    ["> $$\n> x\n> + y\n> $$\n\nend", ["blockquote", "paragraph"], "x\n+ y"],
    ["1. So\n   \\[\n   x\n   \\]\n2. b", ["list"], "x"],
    ["- \\[\n  # x\n  \\]", ["list"], "# x"],
    ["$$x$$  \nend", ["math", "paragraph"], "x"],
    ["$$x$$, that is", ["paragraph"], "x"],
  ])("is found in %j", (text, blocks, source) => {
    expect(parse(text)).toEqual({ blocks, math: [[source, "math-display"]] });
  });

  it.each([
    ["$$\nx\n\n- y", ["paragraph", "list"]],
    ["> $$\n> x\n$$", ["blockquote"]],
    ["```\n$$\nx\n$$\n```", ["code"]],
    ["\\[\nsome words here\n\\]", ["paragraph"]],
  ])("is not found in %j", (text, blocks) => {
    expect(parse(text)).toEqual({ blocks, math: [] });
  });

  it("is found quickly in repetitive text", () => {
    for (const text of ["\\(", "\\[", "$$ ", "$", "\\( \\[", "$a ", "\n\\[\n"])
      expect(parse(text.repeat(3000)).blocks.length).toBeGreaterThan(0);
  });
});

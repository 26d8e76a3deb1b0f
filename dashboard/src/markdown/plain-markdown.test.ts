// @vitest-environment node
import { describe, expect, it } from "vitest";
import { toPlainMarkdown, toPlainMessage } from "./plain-markdown";

describe("toPlainMarkdown", () => {
  it.each([
    "2 > 1 and a < b",
    "a|b",
    "snake_case_name and my__name__x",
    "2 * 3 * 4",
    "(~2000 rows) to (~5000 rows)",
    "costs $5 and $10",
    "a[0](1 + 2)",
    "f(*args, **kwargs)",
    "C# and F#",
    "#hashtag",
    "a - b",
    "1. First 2. Second",
    "`unclosed",
    "AT&T",
    "Vec<String> and <script>alert(1)</script>",
  ])("keeps text that only resembles syntax: %s", (text) => {
    expect(toPlainMarkdown(text)).toBe(text);
  });

  it.each([
    ["# Well\n**bold** `code`", "Well bold code"],
    ["Title\n=====\ntext", "Title text"],
    ["***both*** and _one_ and ~~gone~~", "both and one and gone"],
    ["**bold *and* more**", "bold and more"],
    ["> a quote\n> > in a quote", "a quote in a quote"],
    ["- one\n* two\n+ three\n  - [x] four", "one two three four"],
    ["1. one\n2. two", "1. one 2. two"],
    ["a\n\n---\n\nb", "a b"],
    ["```rust\nlet x = *y;\n```\nend", "let x = *y; end"],
    ["- item\n  ~~~\n  # code\n  ~~~", "item # code"],
    ["``a `tick` b``", "a `tick` b"],
    ["| a | b |\n|---|:-:|\n| `1` | x\\|y |\n\na|b", "a b 1 x|y a|b"],
    ["| a |\n|---|\n| `a\\|b` |\n| $a \\| b$ |", "a a|b a | b"],
    ["<https://example.com/a_b_c>", "https://example.com/a_b_c"],
    ["<me@example.com>", "me@example.com"],
    ["[the docs](https://example.com/a?b=c) and ![a cat](cat.png)", "the docs and a cat"],
    ["[**bold** link](a 'title') [b](c(d)e)", "bold link b"],
    ["[one][1], [two][], [3]\n\n[1]: https://a.b\n[two]: <c>", "one, two, [3]"],
    ["A claim[^1].\n\n[^1]: Its source.", "A claim. Its source."],
    ["\\*not italic\\* &lt;b&gt; &#169;", "*not italic* <b> ©"],
    ["Ctrl<br>+ <kbd>C</kbd>, H<sub>2</sub>O<!-- hidden -->", "Ctrl + C, H2O"],
    ["**「重点」**内容", "「重点」内容"],
    ["\\(a_1 * b_2 * c\\), $x_1$", "a_1 * b_2 * c, x_1"],
    ["$$\nE = mc^2\n$$", "E = mc^2"],
    ["a \u001b[31mred\u001b[0m b", "a red b"],
  ])("returns the rendered text of %j", (markdown, text) => {
    expect(toPlainMarkdown(markdown)).toBe(text);
  });

  it("omits syntax whose end is missing", () => {
    expect(toPlainMarkdown("**Half a senten", true)).toBe("Half a senten");
    expect(toPlainMarkdown("See `src/ma", true)).toBe("See src/ma");
    expect(toPlainMarkdown("See [the docs](https://exa", true)).toBe("See the docs");
    expect(toPlainMarkdown("Use **kwargs here")).toBe("Use **kwargs here");
  });

  it("is fast for long and repetitive text", () => {
    for (const text of ["*a ", "[", "![](", "`", "$", "<br ", "\\[", "> ", "_", "| "])
      expect(toPlainMarkdown(text.repeat(50_000)).length).toBeLessThanOrEqual(4000);
  });
});

describe("toPlainMessage", () => {
  it("removes only code fences", () => {
    expect(toPlainMessage("# *why*?\n```js\na = _b_;\n```\n> x")).toBe("# *why*? a = _b_; > x");
  });
});

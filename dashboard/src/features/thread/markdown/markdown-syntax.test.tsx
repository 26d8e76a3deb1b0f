import { render } from "@testing-library/react";
import { beforeAll, describe, expect, it } from "vitest";
import { MarkdownView } from "./markdown-view";
import { katex } from "./math";

beforeAll(() => katex.load().then(() => {}));

/** Returns the HTML of an answer without the attribute `dir` of its blocks. */
function htmlOf(text: string): string {
  const { container } = render(<MarkdownView text={text} isStreaming={false} />);
  return container.querySelector(".markdown")?.innerHTML.replaceAll(' dir="ltr"', "") ?? "";
}

const show = (text: string) => render(<MarkdownView text={text} isStreaming={false} />).container;

describe("emphasis", () => {
  it.each([
    ["(~2000 rows) to (~5000 rows)", "<p>(~2000 rows) to (~5000 rows)</p>"],
    ["~one~ and ~~two~~", "<p>~one~ and <del>two</del></p>"],
    ["**「重点」**内容", "<p><strong>「重点」</strong>内容</p>"],
    ["これは**「強調」**です", "<p>これは<strong>「強調」</strong>です</p>"],
    ["**한국어(Korean)**는", "<p><strong>한국어(Korean)</strong>는</p>"],
    ["~~「削除」~~した", "<p><del>「削除」</del>した</p>"],
    ["2 * 3 * 4 and snake_case_name", "<p>2 * 3 * 4 and snake_case_name</p>"],
  ])("is rendered in %j", (text, html) => {
    expect(htmlOf(text)).toBe(html);
  });
});

describe("addresses", () => {
  const linksOf = (text: string) =>
    [...show(text).querySelectorAll("a")].map((link) => [
      link.getAttribute("href"),
      link.textContent,
    ]);

  it.each([
    ["https://example.org/a，然后", "https://example.org/a"],
    ["参见（https://example.org/a?b=c）。", "https://example.org/a?b=c"],
    ["请看https://example.org/a。谢谢", "https://example.org/a"],
    ["https://zh.example.org/wiki/中文、他", "https://zh.example.org/wiki/中文"],
    ["https://example.org/a, then", "https://example.org/a"],
    ["(https://example.org/a_(b))", "https://example.org/a_(b)"],
    ["https://example.org/a……然后", "https://example.org/a"],
    ["https://example.org/a——然后", "https://example.org/a"],
    ["(https://example.org/a)，然后", "https://example.org/a"],
    ["https://example.org/a_(b)。", "https://example.org/a_(b)"],
    ['"https://example.org/a"，然后', "https://example.org/a"],
    ["https://zh.example.org/wiki/a_中文", "https://zh.example.org/wiki/a_中文"],
    ["https://example.org/*/a", "https://example.org/*/a"],
  ])("end before punctuation: %j", (text, address) => {
    expect(linksOf(text)).toEqual([[encodeURI(address), address]]);
  });

  it.each([
    ["**https://example.org/f**，然后", "strong", "https://example.org/f", "，然后"],
    ["*https://example.org/g*。", "em", "https://example.org/g", "。"],
    ["**https://example.org/**中", "strong", "https://example.org/", "中"],
    ["**见https://example.org/f**中", "strong", "https://example.org/f", "中"],
    ["**https://example.org/f**는", "strong", "https://example.org/f", "는"],
    ["**https://example.org/f**(中)", "strong", "https://example.org/f", "(中)"],
    ["**https://example.org/f**, then", "strong", "https://example.org/f", ", then"],
    ["**https://example.org/f**……", "strong", "https://example.org/f", "……"],
    ["_https://example.org/g_。", "em", "https://example.org/g", "。"],
    ["~~https://example.org/g~~，次", "del", "https://example.org/g", "，次"],
    ["~~https://example.org/g~~中", "del", "https://example.org/g", "中"],
    ["**www.example.com**，次", "strong", "www.example.com", "，次"],
  ])("end before the end of emphasis: %j", (text, tag, address, after) => {
    const shown = show(text);

    expect(shown.querySelector(`${tag} a`)?.textContent).toBe(address);
    expect(shown.querySelector(tag)?.nextSibling?.textContent).toBe(after);
  });

  it.each(["HTTPS://EXAMPLE.COM/A", "[a](Https://EXAMPLE.COM/A)", "![a](HTTPS://EXAMPLE.COM/A)"])(
    "have a protocol in any case: %s",
    (text) => {
      expect(linksOf(text)[0]?.[0]).toBe("https://example.com/A");
    },
  );

  it("can follow each other", () => {
    expect(
      linksOf("https://a.example，www.b.example：**https://c.example**").map(([, text]) => text),
    ).toEqual(["https://a.example", "www.b.example", "https://c.example"]);
  });

  it("do not hide the emphasis that follows", () => {
    expect(show("见 https://example.org/a，**重点**").querySelector("strong")?.textContent).toBe(
      "重点",
    );
  });
});

describe("line breaks", () => {
  it("are kept in paragraphs, lists, and quotes", () => {
    expect(htmlOf("one\ntwo")).toBe("<p>one<br>\ntwo</p>");
    expect(htmlOf("- one\n  two")).toContain("one<br>\ntwo");
    expect(htmlOf("> one\n> two")).toContain("one<br>\ntwo");
  });

  it("can be tags, also in a table", () => {
    expect(htmlOf("one<br>two<br/>three")).toBe("<p>one<br>\ntwo<br>\nthree</p>");
    expect(show("| a |\n|---|\n| one<br>two |").querySelector("td")?.innerHTML).toBe(
      "one<br>\ntwo",
    );
  });
});

describe("HTML", () => {
  it("is rendered if it is harmless", () => {
    expect(htmlOf("<kbd>Ctrl</kbd>+<KBD class='x'>C</KBD>, H<sub>2</sub>O, x<sup>*2*</sup>")).toBe(
      "<p><kbd>Ctrl</kbd>+<kbd>C</kbd>, H<sub>2</sub>O, x<sup><em>2</em></sup></p>",
    );
  });

  it.each([
    "<details>\n<summary>More &amp; more</summary>\n\n- **hidden**\n\n</details>\n\nend",
    "<details open><summary>More &amp; more</summary>\n\n- **hidden**\n</details>\n\nend",
  ])("folds a section: %j", (text) => {
    const shown = show(text);

    expect(shown.querySelector("details > summary")?.innerHTML).toBe("More &amp; more");
    expect(shown.querySelector("details li strong")?.textContent).toBe("hidden");
    expect(shown.querySelector("details")?.textContent).not.toContain("end");
    expect(shown.textContent).toContain("end");
  });

  it("folds a section in a single line", () => {
    expect(htmlOf("<details><summary>More</summary>hidden</details>")).toBe(
      "<details><summary>More</summary><p>hidden</p></details>",
    );
  });

  it.each([
    "<script>alert(1)</script>",
    "<style>* { display: none }</style>",
    '<img src="x" onerror="alert(1)">',
    '<a href="javascript:alert(1)">x</a>',
    "<iframe src='//example.com'></iframe>",
    "Vec<String> and <T>",
    "an unclosed <kbd>key",
    "</sub> alone",
    "<div>\n<p>text</p>\n</div>",
  ])("is shown as text if it is not: %j", (text) => {
    const shown = show(text);

    expect(shown.textContent).toBe(text);
    expect(shown.querySelector("script, style, img, iframe, a, kbd, sub, p p, p div")).toBeNull();
  });

  it("is shown in a paragraph for each block", () => {
    expect(htmlOf("</div>\n\n<div>")).toBe("<p>&lt;/div&gt;</p><p>&lt;div&gt;</p>");
  });

  it("ignores attributes of rendered elements", () => {
    const shown = show('<kbd onclick="alert(1)" style="position:fixed" id="root">x</kbd>');

    expect(shown.querySelector("kbd")?.attributes).toHaveLength(0);
  });

  it("omits comments", () => {
    expect(htmlOf("a<!-- b -->c\n\n<!--\nd\n-->")).toBe("<p>ac</p>");
  });

  it("is not rendered in code", () => {
    expect(show("`<br>` and\n\n```\n<kbd>x</kbd>\n```").querySelector("kbd, p br")).toBeNull();
  });
});

describe("math", () => {
  it.each([
    ["So \\(a^2\\) is", "a^2", false],
    ["So $a^2$ is", "a^2", false],
    ["\\[\na^2\n\\]", "a^2", true],
    ["$$a^2$$", "a^2", true],
    ["So $$a^2$$ is", "a^2", true],
    ["```math\na^2\n```", "a^2", true],
    ["| a |\n|---|\n| \\(a^2\\) |", "a^2", false],
    ["| a |\n|---|\n| $a \\| b$ |", "a | b", false],
    ["$a \\| b$", "a \\| b", false],
  ])("is rendered in %j", (text, source, isDisplay) => {
    const shown = show(text);

    expect(shown.querySelector("annotation")?.textContent).toBe(source);
    expect(shown.querySelector(".katex-display") !== null).toBe(isDisplay);
    expect(shown.querySelector("[data-code-header]")).toBeNull();
  });

  it.each([
    ["$$\na^2\n\n= b\n$$", "a^2\n= b"],
    ["\\[\n\na^2\n \n\n= b\n\n\\]\n\nend", "a^2\n= b"],
    ["> $$\n> a^2\n>\n> = b\n> $$", "a^2\n= b"],
    ["1. a\n   $$\n   a^2\n\n   = b\n   $$\n2. b", "a^2\n= b"],
  ])("is rendered without its blank lines in %j", (text, source) => {
    for (const isStreaming of [false, true]) {
      const { container } = render(<MarkdownView text={text} isStreaming={isStreaming} />);
      const annotation = container.querySelector("annotation")?.textContent ?? "";
      expect(annotation.replace(/\n\s*/g, "\n")).toBe(source);
    }
  });

  it.each([
    ["So:\n$$\n\\int_0^1 x\\,dx = \\frac{1}{2}", "\\int_0^1 x\\,dx = \\frac{1}{2}"],
    ["\\[ a^2 + x\\,dx", "a^2 + x\\,dx"],
    ["- a\n  \\[\n  a^2\n  + b", "a^2\n+ b"],
    ["> $$\n> a^2\n> + b", "a^2\n+ b"],
    ["$$\na^2\n\n+ x\\,dx", "a^2\n+ x\\,dx"],
    ["$$\na\\,b\n\nHere is some text.", "a\\,b"],
  ])("is shown as its source without an end: %j", (text, source) => {
    for (const isStreaming of [false, true]) {
      const { container } = render(<MarkdownView text={text} isStreaming={isStreaming} />);
      expect(container.querySelector("[data-math-source]")?.textContent?.trim()).toBe(source);
    }
  });

  it.each([
    ["So \\( a^2 + x\\,dx", "So a^2 + x\\,dx"],
    ["- So \\[ a^2 + x\\,dx", "So a^2 + x\\,dx"],
    ["So $$ a^2 + x\\,dx", "So a^2 + x\\,dx"],
    ["$$ is the ID of the process", "$$ is the ID of the process"],
    ["$$\nHello there", "$$\nHello there"],
    ["$$HOME", "$$HOME"],
    ["An escaped \\[link of words", "An escaped [link of words"],
    ["`\\( a^2`", "\\( a^2"],
    ["```\n$$\na^2", "a^2"],
  ])("or its source is shown in a finished answer: %j", (text, shown) => {
    expect(show(text).textContent?.trim()).toContain(shown);
    expect(show(text).textContent).not.toContain("%");
  });

  it("leaves amounts of money alone", () => {
    expect(htmlOf("It costs $5 and $10.")).toBe("<p>It costs $5 and $10.</p>");
  });

  it("is shown as its source if it is invalid", () => {
    expect(htmlOf("So \\(\\frac{a\\)")).toBe("<p>So <code>\\frac{a</code></p>");
  });

  it("cannot contain links or HTML", () => {
    const shown = show("\\(\\href{javascript:alert(1)}{x} \\htmlClass{a}{b}\\)");

    expect(shown.querySelector("a, .a")).toBeNull();
  });
});

describe("blocks", () => {
  it.each([
    ["ul", "- مرحبا **a**\n\n- a"],
    ["ol > li ul", "1. a\n   - مرحبا"],
    ["blockquote", "> `code` مرحبا"],
    ["h2", "## שלום"],
    ["table", "| مرحبا |\n|---|\n| a |"],
    ["ol", "1. 2 مرحبا"],
    ["details", "<details>\n<summary>مرحبا</summary>\n\na\n\n</details>"],
  ])("have the direction of their first letter: %s", (selector, text) => {
    const found = show(text).querySelector(selector);

    expect(found?.closest("[dir]")?.getAttribute("dir")).toBe("rtl");
  });

  it("in another language than the text around them keep their direction", () => {
    const shown = show("- مرحبا\n\nhello");

    expect(shown.querySelector("p")?.dir).toBe("ltr");
  });
});

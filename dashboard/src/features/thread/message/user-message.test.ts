// @vitest-environment node
import { describe, expect, it } from "vitest";
import { splitLinks } from "./link-text";
import { splitMessage } from "./pasted-code";

const kinds = (content: string) => splitMessage(content).map(({ kind, text }) => [kind, text]);

describe("splitMessage", () => {
  it("keeps text as typed", () => {
    const text = "# Why *this*?\n\n- one\n- two\n\n> quoted `code`\n\n1. See\n2. Say";
    expect(kinds(text)).toEqual([["text", text]]);
  });

  it("finds fenced code", () => {
    expect(splitMessage("Why?\n\n```rust src/a.rs\nlet x;\n\n// `y`\n```\nThanks")).toEqual([
      { kind: "text", text: "Why?" },
      { kind: "code", text: "let x;\n\n// `y`", language: "rust", name: "src/a.rs" },
      { kind: "text", text: "Thanks" },
    ]);
    expect(kinds("~~~~\n```\n~~~~")).toEqual([["code", "```"]]);
    expect(kinds("```\nunclosed")).toEqual([["code", "unclosed"]]);
    expect(kinds("Why?\n```")).toEqual([
      ["text", "Why?"],
      ["text", "```"],
    ]);
    expect(kinds("```inline``` code")).toEqual([["text", "```inline``` code"]]);
  });

  it.each([
    [
      "JavaScript",
      "const a = compute(1, { flag: true }); // one\nconst b = 2;\n\nexport { a, b };",
    ],
    ["Python", "def add(a, b):\n    # Adds two numbers.\n    total = a + b\n    return total"],
    ["Rust", 'fn main() {\n    println!("hi");\n}'],
    ["JSON", '{\n  "name": "banter",\n  "version": 1\n}'],
    ["HTML", "<ul>\n  <li>one</li>\n  <li>two</li>\n</ul>"],
    ["SQL", "SELECT id, name\nFROM users\nWHERE age >= 18;\nUPDATE users SET age = 1;"],
    [
      "a stack trace",
      "    at run (src/a.js:1:2)\n    at main (src/b.js:3:4)\n    at start (src/c.js:5:6)",
    ],
  ])("finds pasted %s", (_name, code) => {
    expect(kinds(code)).toEqual([["pasted", code]]);
    expect(kinds(`Please explain this code:\n\n${code}\n\nWhy is it so slow?`)).toEqual([
      ["text", "Please explain this code:"],
      ["pasted", code],
      ["text", "Why is it so slow?"],
    ]);
  });

  it.each([
    "Dear all,\n\nthank you for coming.\nSee you soon (maybe).\n\nBest wishes\nAda",
    "Buy:\n  milk\n  bread\n  eggs",
    "- one;\n- two;\n- three;",
    "Run foo()\nand then bar()",
    "First I did this; then that.\nIt failed; I don't know why.\nCan you help me?",
  ])("does not take prose for code: %j", (text) => {
    expect(kinds(text)).toEqual([["text", text]]);
  });

  it("loses nothing but empty lines", () => {
    const content = "a\r\nb\n\n```\nc\n```\n\n\nd";
    expect(kinds(content)).toEqual([
      ["text", "a\nb"],
      ["code", "c"],
      ["text", "d"],
    ]);
  });
});

describe("splitLinks", () => {
  it.each([
    ["See https://example.com/a_(b)?c=d#e.", "https://example.com/a_(b)?c=d#e"],
    ["(https://example.com)", "https://example.com"],
    ["<https://example.com/a>", "https://example.com/a"],
    ["https://example.com/a，然后", "https://example.com/a"],
    ["“https://example.com/a”", "https://example.com/a"],
    ["https://example.com/a……然后", "https://example.com/a"],
    ["https://example.com/a——然后", "https://example.com/a"],
    ["**https://example.com/a**，然后", "https://example.com/a"],
    ["**https://example.com**中", "https://example.com"],
    ["HTTPS://EXAMPLE.COM/A", "HTTPS://EXAMPLE.COM/A"],
  ])("finds the address in %j", (text, address) => {
    expect(splitLinks(text).filter(({ href }) => href)).toEqual([{ text: address, href: address }]);
  });

  it("finds links as in Markdown and addresses without a protocol", () => {
    expect(splitLinks("[the docs](https://a.example/b) or www.c.example, ok")).toEqual([
      { text: "the docs", href: "https://a.example/b" },
      { text: " or " },
      { text: "www.c.example", href: "https://www.c.example" },
      { text: ", ok" },
    ]);
  });

  it.each(["[a](javascript:alert(1))", "https://", "xhttps://a.b", "a.b", "me@example.com"])(
    "finds nothing in %j",
    (text) => {
      expect(splitLinks(text)).toEqual([{ text }]);
    },
  );
});

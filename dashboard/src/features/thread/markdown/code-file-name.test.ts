// @vitest-environment node
import { describe, expect, it } from "vitest";
import { codeFileName } from "./code-file-name";

describe("codeFileName", () => {
  it.each([
    ["main.rs", "rust", "main.rs"],
    ["src/lib/main.rs", "rust", "main.rs"],
    ["..\\..\\evil.bat", "bat", "evil.bat"],
    ['title="app.tsx"', "tsx", "app.tsx"],
    ['title="a.rs" showLineNumbers', "rust", "a.rs"],
    ['showLineNumbers {1,3-4} title="src/a.rs"', "rust", "a.rs"],
    ["filename=a.rs showLineNumbers", "rust", "a.rs"],
    ["a.rs showLineNumbers", "rust", "a.rs"],
    ["a.rs {1,3-4} startLine=7", "rust", "a.rs"],
    ["a file.py", "python", "a file.py"],
    ["Dockerfile", undefined, "Dockerfile"],
    [".env.example", undefined, ".env.example"],
    ["..", "sh", "code.sh"],
    ["the second version", "rust", "code.rs"],
    ["{1,3-4}", "js", "code.js"],
    ["a\n.sh", "sh", "code.sh"],
    [`${"x".repeat(200)}.rs`, "rust", "code.rs"],
    [undefined, "Python", "code.py"],
    [undefined, "json", "code.json"],
    [undefined, "c++", "code.cpp"],
    [undefined, "console", "code.txt"],
    [undefined, "../etc", "code.txt"],
    [undefined, "__proto__", "code.txt"],
    [undefined, undefined, "code.txt"],
  ])("of %j in %s is %s", (name, language, expected) => {
    expect(codeFileName(name, language)).toBe(expected);
  });
});

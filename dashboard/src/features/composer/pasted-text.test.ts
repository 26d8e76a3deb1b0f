// @vitest-environment node
import { expect, it } from "vitest";
import { findPastedText } from "./pasted-text";

it("finds texts of more than 4 KB in UTF-8", () => {
  expect(findPastedText("x".repeat(4096), 3)).toBeNull();
  expect(findPastedText("x".repeat(4097), 3)).toMatchObject({ bytes: 4097, start: 3 });
  expect(findPastedText("あ".repeat(1366), 0)).toMatchObject({ bytes: 4098 });
});

it("has the line breaks of a field", () => {
  expect(findPastedText(`${"x".repeat(5000)}\r\na\rb`, 0)?.text).toBe(`${"x".repeat(5000)}\na\nb`);
});

it("ignores blank texts", () => {
  expect(findPastedText(" \n".repeat(5000), 0)).toBeNull();
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMIT, weigh } from "../scripts/weigh.mjs";

test("a chat shows after no more than 180 KB of compressed JavaScript", () => {
  const { first } = weigh();

  assert.ok(first.gzip > 50_000, `the page's scripts were found: ${first.gzip} bytes`);
  assert.ok(first.gzip <= LIMIT, `${first.gzip} bytes`);
});

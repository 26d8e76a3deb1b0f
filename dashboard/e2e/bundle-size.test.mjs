import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMIT, measureBundle } from "../scripts/bundle-size.mjs";

test("a chat needs at most 180 KB of compressed JavaScript", () => {
  const { first } = measureBundle();

  assert.ok(first.gzip > 50_000, `scripts found: ${first.gzip} bytes`);
  assert.ok(first.gzip <= LIMIT, `${first.gzip} bytes`);
});

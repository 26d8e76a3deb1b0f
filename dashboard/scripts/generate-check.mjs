// Fails when src/api/schema.gen.ts is not what the committed OpenAPI document generates.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const document = join(root, "../docs/openapi.json");
const committed = join(root, "src/api/schema.gen.ts");

if (!existsSync(document)) {
  console.warn("generate:check skipped: docs/openapi.json does not exist yet.");
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), "banter-schema-"));
try {
  const fresh = join(folder, "schema.gen.ts");
  execFileSync(
    join(root, "node_modules/.bin/openapi-typescript"),
    [document, "--empty-objects-unknown", "-o", fresh],
    {
      stdio: "ignore",
    },
  );
  if (readFileSync(fresh, "utf8") !== readFileSync(committed, "utf8")) {
    console.error("src/api/schema.gen.ts is out of date: run `npm run generate`.");
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}

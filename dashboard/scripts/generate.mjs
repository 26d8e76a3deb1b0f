// Generates files from docs/openapi.json. With --check, writes nothing and fails if a committed file is out of date.
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { generateSchemas } from "./valibot-schemas.mjs";

const documentUrl = new URL("../../docs/openapi.json", import.meta.url);
const document = JSON.parse(readFileSync(documentUrl, "utf8"));
const types = astToString(await openapiTS(documentUrl, { emptyObjectsUnknown: true }));
const files = {
  "schema.gen.ts": COMMENT_HEADER + types,
  "events.gen.ts": generateSchemas(document),
};

for (const [name, text] of Object.entries(files)) {
  const path = new URL(`../src/api/${name}`, import.meta.url);
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`src/api/${name} is out of date: run \`npm run generate\`.`);
    process.exitCode = 1;
  }
}

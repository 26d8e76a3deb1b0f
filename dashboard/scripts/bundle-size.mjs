// Prints the compressed size of the JavaScript needed to show a chat. Fails if it exceeds LIMIT.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
/** The maximum size in bytes, after gzip compression. */
export const LIMIT = 190_000;

const scripts = (text, pattern) => [...text.matchAll(pattern)].map(([, path]) => basename(path));

/**
 * Returns the compressed sizes in bytes of the scripts needed to show a chat and of those loaded
 * later.
 */
export function measureBundle() {
  if (!existsSync(join(dist, "index.html")))
    throw new Error("dist/ does not exist. Run `npm run build`.");
  const page = readFileSync(join(dist, "index.html"), "utf8");
  const first = new Set();
  const add = (name) => {
    if (first.has(name)) return;
    first.add(name);
    const code = readFileSync(join(dist, "assets", name), "utf8");
    for (const imported of scripts(code, /(?:from|import)\s*"(\.\/[^"]+\.js)"/g)) add(imported);
  };
  for (const name of scripts(page, /(?:src|href)="([^"]+\.js)"/g)) add(name);
  const all = readdirSync(join(dist, "assets")).filter((name) => name.endsWith(".js"));
  const size = (names, ending) =>
    names.reduce((sum, name) => sum + readFileSync(join(dist, "assets", name + ending)).length, 0);
  const later = all.filter((name) => !first.has(name));
  return {
    first: { gzip: size([...first], ".gz"), brotli: size([...first], ".br") },
    later: { gzip: size(later, ".gz"), brotli: size(later, ".br") },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { first, later } = measureBundle();
  const kilobytes = ({ gzip, brotli }) =>
    `${(gzip / 1000).toFixed(1)} KB gzip, ${(brotli / 1000).toFixed(1)} KB Brotli`;
  console.log(
    `JavaScript needed to show a chat: ${kilobytes(first)} (limit: ${LIMIT / 1000} KB gzip)`,
  );
  console.log(`loaded later (Markdown, math, diagrams, languages): ${kilobytes(later)}`);
  if (first.gzip > LIMIT) process.exitCode = 1;
}

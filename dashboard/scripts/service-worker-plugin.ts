import { createHash } from "node:crypto";
import type { Plugin, Rolldown } from "vite";

type Bundle = Rolldown.OutputBundle;

/** The file name of the service worker. It is at the root, so that it controls all paths. */
const WORKER = "service-worker.js";
/** Libraries that only some chats need. Their files are stored when they are first used. */
const ON_DEMAND = /\/node_modules\/(mermaid|katex)\//;
/** The fonts for Latin text. Other fonts are stored when they are first used. */
const FONT = /-latin-wght-normal-[^/]+\.woff2$/;

/** Returns the names of the chunks that a chunk imports, now or later. */
function listChunks(bundle: Bundle, name: string, found = new Set<string>()): Set<string> {
  const chunk = bundle[name];
  if (chunk?.type !== "chunk" || found.has(name)) return found;
  if (chunk.moduleIds.some((id) => ON_DEMAND.test(id))) return found;
  found.add(name);
  for (const next of [...chunk.imports, ...chunk.dynamicImports]) listChunks(bundle, next, found);
  return found;
}

/** Returns the names of the files that an installed page needs. */
function listFiles(bundle: Bundle): string[] {
  const entries = Object.values(bundle).filter(
    (file) => file.type === "chunk" && file.isEntry && file.fileName !== WORKER,
  );
  const chunks = entries.flatMap(({ fileName }) => [...listChunks(bundle, fileName)]);
  const styles = entries.flatMap((file) =>
    file.type === "chunk" ? [...(file.viteMetadata?.importedCss ?? [])] : [],
  );
  const fonts = Object.keys(bundle).filter((name) => FONT.test(name));
  return [...new Set([...chunks, ...styles, ...fonts])].sort();
}

/**
 * Builds `entry` as the service worker, and tells it which files to store: the page, its scripts,
 * styles, and fonts, and `files`, which are paths in the public folder.
 */
export function serviceWorker({
  entry,
  files,
}: {
  entry: string;
  files: readonly string[];
}): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    config: () => ({
      build: {
        rolldownOptions: {
          input: { index: "index.html", "service-worker": entry },
          output: {
            entryFileNames: ({ name }) =>
              name === "service-worker" ? WORKER : "assets/[name]-[hash].js",
          },
        },
      },
    }),
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const worker = bundle[WORKER];
        const page = bundle["index.html"];
        if (worker?.type !== "chunk" || page?.type !== "asset")
          return this.error("The build has no page or no service worker.");
        if (worker.imports.length > 0)
          return this.error("The service worker must consist of a single file.");
        const stored = ["/", ...files, ...listFiles(bundle).map((name) => `/${name}`)];
        const build = createHash("sha256").update(`${page.source}${worker.code}${stored}`);
        const values = {
          __BUILD__: build.digest("hex").slice(0, 12),
          __FILES__: JSON.stringify(JSON.stringify(stored)).slice(1, -1),
        };
        for (const [mark, value] of Object.entries(values)) {
          if (!worker.code.includes(mark)) this.error(`The service worker does not use ${mark}.`);
          worker.code = worker.code.replace(mark, () => value);
        }
      },
    },
  };
}

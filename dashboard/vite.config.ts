import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { serviceWorker } from "./scripts/service-worker-plugin.ts";

/** The address of the api for `npm run dev`. */
const api = process.env.BANTER_API ?? "http://127.0.0.1:8080";

/** Adds compressed copies of scripts and styles, in the encodings that the api serves. */
function compress(): Plugin {
  return {
    name: "compress",
    apply: "build",
    writeBundle({ dir = "dist" }, bundle) {
      for (const [name, file] of Object.entries(bundle)) {
        if (!/\.(js|css)$/.test(name)) continue;
        const content = Buffer.from(file.type === "chunk" ? file.code : file.source);
        writeFileSync(join(dir, `${name}.br`), brotliCompressSync(content));
        writeFileSync(join(dir, `${name}.gz`), gzipSync(content, { level: 9 }));
      }
    },
  };
}

/** Removes the older formats of KaTeX's fonts. Every supported browser reads WOFF2. */
function dropOldFonts(): Plugin {
  return {
    name: "drop-old-fonts",
    enforce: "pre",
    transform: {
      filter: { id: /katex\.min\.css$/ },
      handler: (code) =>
        code.replace(/,url\([^)]+\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)/g, ""),
    },
  };
}

/** The files in public/ that an installed page needs offline. */
const publicFiles = [
  "/favicon.svg",
  "/manifest.webmanifest",
  "/icons/icon-192.png",
  "/icons/icon-512.png",
];

export default defineConfig({
  plugins: [
    react(),
    tailwindcss(),
    dropOldFonts(),
    serviceWorker({ entry: "src/offline/service-worker.ts", files: publicFiles }),
    compress(),
  ],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  // The content security policy `default-src 'self'` blocks data: URLs.
  build: {
    assetsInlineLimit: 0,
    target: "es2023",
    sourcemap: false,
    rolldownOptions: {
      output: {
        // A single file for everything that the first view needs compresses better than many.
        codeSplitting: {
          groups: [
            { name: "first", tags: ["$initial"], test: (id) => !id.includes("/service-worker") },
          ],
        },
      },
    },
  },
  server: {
    proxy: { "/v1": { target: api }, "/healthz": { target: api } },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/test-setup.ts"],
    restoreMocks: true,
    // Property tests take several seconds on a busy machine.
    testTimeout: 90_000,
  },
});

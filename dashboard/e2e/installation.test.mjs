import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { ANSWER_MS, answered, startChat } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const options = { hasNetwork: true, hasServiceWorker: true };
const dist = fileURLToPath(new URL("../dist", import.meta.url));

const controlled = (page) => page.waitForFunction(() => navigator.serviceWorker.controller);

/** Returns the names of the page's caches and the paths in them. */
function readCaches(page) {
  return page.evaluate(async () => {
    const names = await caches.keys();
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return { names, paths: requests.flat().map(({ url }) => new URL(url).pathname) };
  });
}

/** Copies the built page and changes its title, as a new version would. */
function buildNextVersion() {
  const folder = mkdtempSync(join(tmpdir(), "banter-next-"));
  cpSync(dist, folder, { recursive: true });
  const page = readFileSync(join(dist, "index.html"), "utf8");
  const next = page.replace("<body>", '<body data-version="next">');
  writeFileSync(join(folder, "index.html"), next);
  const worker = readFileSync(join(dist, "service-worker.js"), "utf8");
  const name = /[0-9a-f]{12}/.exec(worker)[0];
  const nextWorker = worker.replace(name, "0123456789ab");
  writeFileSync(join(folder, "service-worker.js.br"), brotliCompressSync(nextWorker));
  writeFileSync(join(folder, "service-worker.js.gz"), gzipSync(nextWorker));
  return { folder, cache: "banter-page-0123456789ab" };
}

test("the service worker stores the page but no responses of the api", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    await controlled(page);

    await page.reload();
    await answered(page).waitFor({ timeout: ANSWER_MS });

    const { names, paths } = await readCaches(page);
    assert.equal(names.length, 1);
    assert.ok(paths.includes("/") && paths.includes("/manifest.webmanifest"));
    assert.ok(paths.some((path) => /^\/assets\/index-.*\.js$/.test(path)));
    assert.deepEqual(
      paths.filter((path) => path.startsWith("/v1") || path.startsWith("/chat")),
      [],
    );
    assert.deepEqual(
      paths.filter((path) => /mermaid\.core|katex|cytoscape/.test(path)),
      [],
      "files that this chat does not need",
    );
  }, options);
});

test("a new version is shown at once and replaces the stored one", TIMEOUT, async () => {
  const next = buildNextVersion();
  try {
    await withTestApp(async ({ page, server }) => {
      const version = () => page.evaluate(() => document.body.dataset.version);
      server.network.serve(dist);
      await page.goto("/");
      await controlled(page);
      assert.equal(await version(), undefined);

      server.network.serve(next.folder);
      await page.reload();

      assert.equal(await version(), "next");
      while ((await readCaches(page)).names.join() !== next.cache) await page.waitForTimeout(100);
      server.network.down(true);
      await page.reload();
      assert.equal(await version(), "next");
    }, options);
  } finally {
    rmSync(next.folder, { recursive: true });
  }
});

test("the page can be installed", TIMEOUT, async () => {
  await withTestApp(async ({ page, context }) => {
    await page.goto("/");
    await controlled(page);
    const session = await context.newCDPSession(page);

    const { errors, data } = await session.send("Page.getAppManifest");
    const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");

    assert.deepEqual(errors, []);
    assert.deepEqual(
      // Playwright's contexts are like private windows, in which apps cannot be installed.
      installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"),
      [],
    );
    const manifest = JSON.parse(data);
    for (const { src, sizes, type } of [...manifest.icons, ...manifest.shortcuts[0].icons]) {
      const response = await page.request.get(src);
      assert.equal(response.headers()["content-type"], type, src);
      if (sizes === "any") continue;
      const width = await page.evaluate(async (path) => {
        const image = new Image();
        image.src = path;
        await image.decode();
        return `${image.naturalWidth}x${image.naturalHeight}`;
      }, src);
      assert.equal(width, sizes, src);
    }
  }, options);
});

/**
 * Stands between the browser and an api. It can serve a built page, so that a change of the page
 * needs no new api to be tested, and it can be a bad network.
 */
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const kinds = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Hands a request on to the api as it came; the streams too. */
function forward(api, incoming, outgoing) {
  const { hostname, port } = new URL(api);
  const { method, url: path, headers } = incoming;
  const onward = request({ hostname, port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
    answer.on("error", () => outgoing.destroy());
  });
  onward.on("error", () => outgoing.destroy());
  outgoing.on("close", () => onward.destroy());
  incoming.pipe(onward);
}

async function serveFile(dist, path, policy, { headers }, outgoing) {
  const name = extname(path) === "" ? "/index.html" : path;
  // As the api serves them. Over plain HTTP a browser takes no Brotli.
  const isCompressed = /\.(js|css)$/.test(name);
  const encoding = /\bbr\b/.test(headers["accept-encoding"] ?? "") ? "br" : "gzip";
  const ending = encoding === "br" ? ".br" : ".gz";
  try {
    const file = await readFile(join(dist, isCompressed ? name + ending : name));
    const type = kinds[extname(name)] ?? "application/octet-stream";
    outgoing.writeHead(200, {
      "content-type": type,
      "content-security-policy": policy,
      ...(isCompressed ? { "content-encoding": encoding } : {}),
    });
    outgoing.end(file);
  } catch {
    outgoing.writeHead(404).end();
  }
}

/**
 * Its address, how to stop it, and what the network does. The page comes from `folder`, with the
 * api's own content policy, or without a folder from the api.
 */
export async function standBefore(api, folder) {
  const dist = folder ? resolve(root, folder) : null;
  const policy = (await fetch(api)).headers.get("content-security-policy") ?? "";
  let isHanging = false;
  const server = createServer((incoming, outgoing) => {
    if (isHanging) return;
    const { pathname } = new URL(incoming.url ?? "/", api);
    if (!dist || pathname.startsWith("/v1/")) forward(api, incoming, outgoing);
    else void serveFile(dist, pathname, policy, incoming, outgoing);
  });
  // A connection that is closed while the next request is on its way looks like a broken network.
  server.keepAliveTimeout = 0;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    /** Every connection breaks; new ones work. */
    cut: () => server.closeAllConnections(),
    /** Whether requests are taken and never answered. */
    hang: (next) => {
      isHanging = next;
    },
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * A proxy between the browser and an api. It can simulate network failures, and serve the page from
 * a folder instead of the one embedded in the api.
 */
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { mediaTypes } from "../scripts/media-types.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Forwards a request to the api and streams the response. */
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
  // These are the encodings that the api supports. Browsers accept Brotli only in secure contexts.
  const isCompressed = /\.(js|css)$/.test(name);
  const encoding = /\bbr\b/.test(headers["accept-encoding"] ?? "") ? "br" : "gzip";
  const ending = encoding === "br" ? ".br" : ".gz";
  try {
    const file = await readFile(join(dist, isCompressed ? name + ending : name));
    const type = mediaTypes[extname(name)] ?? "application/octet-stream";
    outgoing.writeHead(200, {
      "content-type": type,
      "cache-control": name.startsWith("/assets/") ? "max-age=31536000, immutable" : "no-cache",
      "content-security-policy": policy,
      ...(isCompressed ? { "content-encoding": encoding } : {}),
    });
    outgoing.end(file);
  } catch {
    outgoing.writeHead(404).end();
  }
}

/**
 * Starts a proxy for the api at the address `api`. With `folder`, the proxy serves the page from
 * that folder, with the api's content security policy.
 */
export async function startProxy(api, folder) {
  let dist = folder ? resolve(root, folder) : null;
  const policy = (await fetch(api)).headers.get("content-security-policy") ?? "";
  let isHanging = false;
  let isDown = false;
  const server = createServer((incoming, outgoing) => {
    if (isDown) return void incoming.destroy();
    const { pathname } = new URL(incoming.url ?? "/", api);
    const isApi = pathname.startsWith("/v1/");
    if (isHanging && isApi) return;
    if (!dist || isApi) forward(api, incoming, outgoing);
    else void serveFile(dist, pathname, policy, incoming, outgoing);
  });
  // Closing an idle connection during the next request would look like a network failure.
  server.keepAliveTimeout = 0;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    /** Closes all connections. New connections are accepted. */
    cut: () => server.closeAllConnections(),
    /**
     * Sets whether new requests to the API get no response. The page's files are still served,
     * because the browser would run out of connections.
     */
    hang: (next) => {
      isHanging = next;
    },
    /** Serves the page from another folder. */
    serve: (next) => {
      dist = resolve(root, next);
    },
    /** Sets whether all connections are closed without a response. */
    down: (next) => {
      isDown = next;
      if (isDown) server.closeAllConnections();
    },
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

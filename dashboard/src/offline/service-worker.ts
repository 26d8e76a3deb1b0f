/**
 * The service worker, which opens the page while the server cannot be reached.
 *
 * Guarantees:
 * - While the server responds, the page comes from the server. The copy on the device is used only
 *   if the server cannot be reached.
 * - The page and its scripts always belong to the same build: each build has its own cache, and
 *   older caches are removed.
 * - Requests to the api, including streams, do not pass through the service worker.
 */
declare const self: ServiceWorkerGlobalScope;

/** The prefix of cache names. The rest of a name is the hash of the build. */
const PREFIX = "banter-page-";
/** The build replaces `__BUILD__` with the hash. */
const CACHE = `${PREFIX}__BUILD__`;
/** The paths that an installed page needs. The build replaces `__FILES__` with a JSON array. */
const FILES: readonly string[] = JSON.parse("__FILES__");
const PAGE = "/";
/** The folder of files whose names contain a hash of their content. */
const HASHED = "/assets/";
/** How long the server may take to send the page before the copy is shown. */
const PAGE_TIMEOUT_MS = 5000;
/** The status codes with which a proxy reports that it cannot reach the server. */
const UNREACHABLE: readonly number[] = [502, 503, 504];

/** Stores all files of this build. Fails if one of them is missing, for example during an update. */
async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  const requests = FILES.map(
    // Hashed files never change, so a copy in the browser's own cache is good enough.
    (path) => new Request(path, path.startsWith(HASHED) ? {} : { cache: "reload" }),
  );
  await Promise.all(
    requests.map(async (request) => {
      const response = await fetch(request);
      // A proxy that requires a sign-in redirects to its own page.
      if (!response.ok || response.redirected) throw new Error(`cannot store ${request.url}`);
      await cache.put(request, response);
    }),
  );
  await self.skipWaiting();
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function readCopy(path: string | Request): Promise<Response | undefined> {
  return (await caches.open(CACHE)).match(path);
}

/** Returns the server's response, or the copy if the server cannot be reached. */
async function fromServer(request: Request, path: string): Promise<Response> {
  const copy = await readCopy(path);
  if (!copy) return fetch(request);
  const timeout = new Promise<Response>((resolve) => setTimeout(resolve, PAGE_TIMEOUT_MS, copy));
  const answer = fetch(request).then(
    (response) => (UNREACHABLE.includes(response.status) ? copy : response),
    () => copy,
  );
  return Promise.race([answer, timeout]);
}

/** Returns a hashed file, and stores it for later. */
async function fromCache(request: Request): Promise<Response> {
  const stored = await readCopy(request);
  if (stored) return stored;
  const response = await fetch(request);
  if (response.ok) {
    const cache = await caches.open(CACHE);
    await cache.put(request, response.clone()).catch(() => {
      // The storage is full.
    });
  }
  return response;
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (pathname === "/v1" || pathname.startsWith("/v1/")) return;
  if (request.mode === "navigate") event.respondWith(fromServer(request, PAGE));
  else if (pathname.startsWith(HASHED)) event.respondWith(fromCache(request));
  else if (FILES.includes(pathname)) event.respondWith(fromServer(request, pathname));
});

// Makes this file a module, so that it can declare `self`.
export {};

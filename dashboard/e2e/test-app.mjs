/**
 * The harness for the browser tests: an api and a worker with a new database, and a browser.
 *
 * Set BANTER_URL to use a running server, or BANTER_PAGE=dist to use the page in that folder
 * instead of the one embedded in the api.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startProxy } from "./proxy.mjs";

const here = dirname(fileURLToPath(import.meta.url));
export const binaries = process.env.BANTER_BIN_DIR ?? join(here, "../../target/debug");
/** The maximum time to wait for a process to start; long enough for a busy machine. */
const START_MS = 60_000;
const STEP_MS = 60_000;
const STOP_MS = 10_000;
/** The default time limit of a test, which is less than the time limits of the test runner. */
const TEST_MS = 240_000;
/** The number of log lines to print after a failure. */
const LOG_LINES = 60;

/** Starts a binary and collects its log. */
function start(name, args, environment) {
  const path = join(binaries, name);
  if (!existsSync(path)) throw new Error(`${path} does not exist: build it or set BANTER_BIN_DIR`);
  const child = spawn(path, args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = [];
  child.stderr.on("data", (chunk) => log.push(String(chunk)));
  child.on("error", (error) => log.push(String(error)));
  return { name, child, log };
}

async function stop({ child }) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await ended;
  clearTimeout(timer);
}

/** Returns the address from the first line of the api's output. */
function addressOf({ child, log }) {
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`the api ${why}\n${log.join("")}`));
    const timer = setTimeout(() => fail("did not print its address"), START_MS);
    child.once("exit", (code) => fail(`exited with ${code}`));
    createInterface({ input: child.stdout }).once("line", (line) => {
      clearTimeout(timer);
      const url = /^listening on (http:\/\/\S+)$/.exec(line)?.[1];
      if (url) resolve(url);
      else fail(`printed "${line}"`);
    });
  });
}

const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts an api and a worker. The api can be killed and restarted at the same address. */
async function startServer(options) {
  if (process.env.BANTER_URL) return { url: process.env.BANTER_URL, stop: async () => {} };
  const folder = mkdtempSync(join(tmpdir(), "banter-e2e-"));
  const environment = {
    DATABASE_URL: `sqlite://${folder}/b.db`,
    BIND_ADDR: "127.0.0.1:0",
    DATA_DIR: `${folder}/data`,
    AUTH: "auto",
    ...(await options.environment?.(folder)),
  };
  const started = [];
  const launch = (name, args = []) => {
    const running = start(name, args, environment);
    started.push(running);
    return running;
  };
  let network;
  const stopAll = async () => {
    await network?.stop();
    await Promise.all(started.map(stop));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    let api = launch("api");
    let url = await addressOf(api);
    if (options.hasWorker !== false) launch("worker");
    environment.BIND_ADDR = new URL(url).host;
    if (process.env.BANTER_PAGE || options.hasNetwork) {
      network = await startProxy(url, process.env.BANTER_PAGE);
      url = network.url;
    }
    return {
      url,
      /** The proxy, if `hasNetwork` or BANTER_PAGE is set. */
      network,
      /** Sends a request to the api, even if the network is down. */
      direct: (path, request) => fetch(`http://${environment.BIND_ADDR}${path}`, request),
      startWorker: () => void launch("worker"),
      stop: stopAll,
      logs: () => started.map(({ name, log }) => `--- ${name}\n${log.join("")}`).join("\n"),
      /** Runs an `api` command. Resolves with the command's output. */
      run: (...args) =>
        new Promise((resolve, reject) => {
          const { child } = start("api", args, environment);
          let output = "";
          child.stdout.on("data", (chunk) => {
            output += chunk;
          });
          child.once("exit", (code) => (code === 0 ? resolve(output) : reject(new Error(output))));
        }),
      killApi: async () => {
        const ended = new Promise((resolve) => api.child.once("exit", resolve));
        api.child.kill("SIGKILL");
        await ended;
      },
      startApi: async () => {
        api = launch("api");
        await addressOf(api);
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/**
 * Calls `run` with an open page, and stops everything afterward. Options:
 * - `context`: the options of the browser context.
 * - `environment`: a function that returns the environment of the processes.
 * - `hasNetwork`: whether to use a proxy that can simulate network failures.
 * - `hasServiceWorker`: whether the page may install its service worker. If so, Playwright cannot
 *   replace responses.
 * - `hasWorker`: whether to start a worker; true by default.
 * - `hostname`: a host name for the page that browsers do not consider secure over plain HTTP.
 * - `timeLimit`: how long `run` may take, in milliseconds. After that, everything is stopped: the
 *   test runner would leave the browser and the processes running, and wait for them forever.
 */
export async function withTestApp(run, options = {}) {
  const server = await startServer(options);
  let browser;
  let page;
  let timer;
  const pageErrors = [];
  function listen(opened) {
    opened.on("pageerror", (error) => pageErrors.push(error.message));
    opened.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) pageErrors.push(message.text());
    });
  }
  try {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: options.hostname
        ? [...CHROMIUM_FLAGS, `--host-resolver-rules=MAP ${options.hostname} 127.0.0.1`]
        : CHROMIUM_FLAGS,
    });
    const address = new URL(server.url);
    if (options.hostname) address.hostname = options.hostname;
    const url = address.origin;
    const context = await browser.newContext({
      baseURL: url,
      serviceWorkers: options.hasServiceWorker ? "allow" : "block",
      ...options.context,
    });
    context.setDefaultTimeout(STEP_MS);
    context.on("page", listen);
    page = await context.newPage();
    const { timeLimit = TEST_MS } = options;
    const expired = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${timeLimit} ms`)), timeLimit);
    });
    await Promise.race([run({ page, context, server, url }), expired]);
    if (pageErrors.length > 0) throw new Error(`errors on the page:\n${pageErrors.join("\n")}`);
  } catch (error) {
    const shown = await page?.locator("body").ariaSnapshot({ timeout: 2000 }).catch(String);
    console.error(`--- page ${page?.url()}\n${shown}\n${pageErrors.join("\n")}`);
    if (server.logs) console.error(server.logs().split("\n").slice(-LOG_LINES).join("\n"));
    throw error;
  } finally {
    clearTimeout(timer);
    await browser?.close();
    await server.stop();
  }
}

/**
 * The stage for browser tests: an api and a worker of its own on a fresh database, and a browser.
 *
 * Set BANTER_URL to run against a server that is already there.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const binaries = process.env.BANTER_BIN_DIR ?? join(here, "../../target/debug");
const START_MS = 15_000;
const STOP_MS = 10_000;

/** Starts a binary; its log is kept and shown when something fails. */
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

/** The address in the api's first line. */
function addressOf({ child, log }) {
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`the api ${why}\n${log.join("")}`));
    const timer = setTimeout(() => fail("did not say where it listens"), START_MS);
    child.once("exit", (code) => fail(`ended with ${code}`));
    createInterface({ input: child.stdout }).once("line", (line) => {
      clearTimeout(timer);
      const url = /^listening on (http:\/\/\S+)$/.exec(line)?.[1];
      if (url) resolve(url);
      else fail(`began with "${line}"`);
    });
  });
}

async function startServer() {
  if (process.env.BANTER_URL) return { url: process.env.BANTER_URL, stop: async () => {} };
  const folder = mkdtempSync(join(tmpdir(), "banter-e2e-"));
  const environment = {
    DATABASE_URL: `sqlite://${folder}/b.db`,
    BIND_ADDR: "127.0.0.1:0",
    DATA_DIR: `${folder}/data`,
    AUTH: "auto",
  };
  const started = [];
  const stopAll = async () => {
    await Promise.all(started.map(stop));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const api = start("api", [], environment);
    started.push(api);
    const url = await addressOf(api);
    started.push(start("worker", [], environment));
    const logs = () => started.map(({ name, log }) => `--- ${name}\n${log.join("")}`).join("\n");
    return { url, stop: stopAll, logs };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** Runs `play` with an open page; everything is stopped afterwards, also when it fails. */
export async function onStage(play) {
  const server = await startServer();
  let browser;
  let page;
  const complaints = [];
  try {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    const context = await browser.newContext({ baseURL: server.url });
    page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) complaints.push(message.text());
    });
    await play({ page, url: server.url });
    if (complaints.length > 0) throw new Error(`the page complained:\n${complaints.join("\n")}`);
  } catch (error) {
    const shown = await page?.locator("body").ariaSnapshot().catch(String);
    console.error(`--- page ${page?.url()}\n${shown}\n${complaints.join("\n")}`);
    if (server.logs) console.error(server.logs());
    throw error;
  } finally {
    await browser?.close();
    await server.stop();
  }
}

// Measures the page under load: a session with 10,000 messages, 100 deltas per second, and typing
// in the composer. Prints results from the browser's trace and clocks, and saves the trace to
// look-out/ for the performance panel. The environment variables SECONDS, TURNS, and DELTAS change
// the load. STEPS adds steps to the answer, of which every tenth has a diff of 2,000 lines. At the
// end, all of them are expanded and scrolled through.
import { mkdirSync } from "node:fs";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { measureBundle } from "./bundle-size.mjs";
import { startScriptedApi } from "./scripted-api.mjs";

const seconds = Number(process.env.SECONDS ?? 10);
const turns = Number(process.env.TURNS ?? 5000);
const deltasPerSecond = Number(process.env.DELTAS ?? 100);
const stepCount = Number(process.env.STEPS ?? 0);
const folder = fileURLToPath(new URL("../look-out", import.meta.url));
const round = (value) => Math.round(value * 10) / 10;
mkdirSync(folder, { recursive: true });

function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const find = (part) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
  return `median ${find(0.5)} ms, p95 ${find(0.95)} ms, worst ${find(1)} ms (${sorted.length})`;
}

/**
 * Records the time of each frame, the duration of each long task, and the latency from each key
 * press to the frame that shows it.
 */
function watch() {
  window.seen = { frames: [], long: [], keys: [] };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.seen.long.push(duration);
  }).observe({ type: "longtask" });
  const frame = (now) => {
    window.seen.frames.push(now);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  document.addEventListener(
    "input",
    ({ timeStamp }) => {
      requestAnimationFrame(() => {
        // A new task runs after the frame has been drawn.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.seen.keys.push(performance.now() - timeStamp);
        port2.postMessage(null);
      });
    },
    true,
  );
}

/** Expands everything in the answer, one element after another. Returns the number of elements. */
async function expand(page) {
  const closed = page.locator("[role=log] details:not([open]) > summary");
  let count = 0;
  for (; (await closed.count()) > 0; count += 1) {
    await closed.first().evaluate((summary) => summary.click());
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
  return count;
}

const reset = (page) =>
  page.evaluate(() => {
    window.seen.frames = [];
    window.seen.long = [];
    window.seen.keys = [];
  });

/** Prints the measurements since the last `reset`. */
async function report(page, name) {
  const { frames, long, keys } = await page.evaluate(() => window.seen);
  const gaps = frames.slice(1).map((at, index) => at - (frames[index] ?? 0));
  const span = ((frames.at(-1) ?? 0) - (frames[0] ?? 0)) / 1000;
  console.log(`${name}:`);
  console.log(`  frames: ${round(gaps.length / span)} per second; interval: ${quantiles(gaps)}`);
  console.log(
    `  long tasks: ${long.length}${long.length ? `, worst ${round(Math.max(...long))} ms` : ""}`,
  );
  if (keys.length > 0) console.log(`  key to frame: ${quantiles(keys)}`);
}

/**
 * Returns how busy the page's main thread was according to the trace. Task durations are CPU times,
 * which do not depend on other load on the machine.
 */
function summarizeTrace(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const threads = traceEvents.filter(
    ({ name, args }) => name === "thread_name" && args.name === "CrRendererMain",
  );
  const tasks = traceEvents.filter(
    ({ name, pid, tid, tdur }) =>
      name === "RunTask" && tdur && threads.some((one) => one.pid === pid && one.tid === tid),
  );
  const span = Math.max(...tasks.map(({ ts }) => ts)) - Math.min(...tasks.map(({ ts }) => ts));
  const busy = tasks.reduce((sum, { tdur }) => sum + tdur, 0);
  const long = tasks.filter(({ tdur }) => tdur > 50_000);
  const worst = Math.max(...tasks.map(({ tdur }) => tdur)) / 1000;
  return { share: round((100 * busy) / span), long: long.length, worst: round(worst) };
}

const { first, later } = measureBundle();
console.log(`load average: ${loadavg().map(round).join(" ")}`);
console.log(
  `JavaScript before the first render of a chat: ${round(first.gzip / 1000)} KB gzip; lazy: ${round(later.gzip / 1000)} KB`,
);

const api = await startScriptedApi({ turns, deltasPerSecond, stepCount });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--no-first-run", "--disable-background-networking"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.addInitScript(watch);
  await page.goto(api.url + api.path);
  await page.getByText(`Question ${turns}`, { exact: true }).waitFor();
  await page.locator("[data-live]").first().waitFor();
  const paint = await page.evaluate(() => ({
    first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
    thread: performance.now(),
  }));
  console.log(
    `first paint after ${round(paint.first)} ms; ${2 * turns} messages shown after ${round(paint.thread)} ms`,
  );
  await report(page, "while opening");

  await reset(page);
  const begin = { at: Date.now(), sent: api.countSent() };
  await browser.startTracing(page, {
    path: `${folder}/trace.json`,
    categories: ["-*", "devtools.timeline", "disabled-by-default-devtools.timeline"],
  });
  await page.waitForTimeout(seconds * 1000);
  const elapsed = (Date.now() - begin.at) / 1000;
  const count = api.countSent() - begin.sent;
  await report(
    page,
    `while receiving ${count} deltas in ${round(elapsed)} s (${round(count / elapsed)} per second)`,
  );
  const { share, long, worst } = summarizeTrace(await browser.stopTracing());
  console.log(
    `  main thread: busy ${share} % of the time; tasks over 50 ms: ${long}, worst ${worst} ms`,
  );

  await reset(page);
  const composer = page.getByRole("textbox", { name: "Message" });
  await composer.focus();
  await page.keyboard.type(
    "Typing goes on while the answer comes, as if there were none. ".repeat(2),
    { delay: 40 },
  );
  await report(page, "while typing");
  const shown = await page.locator("[data-live]").allTextContents();
  console.log(`length of the answer: ${shown.join("").length} characters`);

  if (stepCount > 0) {
    await page.locator("[role=log] summary").first().waitFor();
    await reset(page);
    const opened = await expand(page);
    await report(page, `while expanding ${opened} groups, steps, and diffs`);
    await reset(page);
    await page.locator("[role=log]").hover();
    for (let step = 0; step < 100; step += 1) {
      await page.mouse.wheel(0, -600);
      await page.waitForTimeout(50);
    }
    await report(page, "while scrolling through them");
  }
} finally {
  await browser.close();
  await api.stop();
}

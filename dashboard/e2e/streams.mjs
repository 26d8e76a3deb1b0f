/** The event streams of a browser's tabs, and the processes behind the tabs. */

const isStream = (request) => new URL(request.url()).pathname === "/v1/events";

/** Which tabs hold a stream. */
export function watchStreams(context) {
  const open = new Set();
  context.on("request", (request) => {
    if (!isStream(request)) return;
    open.add(request);
    // The end of a tab is not told as an end of its requests.
    request
      .frame()
      .page()
      .once("close", () => open.delete(request));
  });
  for (const end of ["requestfailed", "requestfinished"])
    context.on(end, (request) => open.delete(request));
  return {
    /** Waits until no more than `count` streams are open; the tabs that hold them, the first first. */
    holders: async (count) => {
      while (open.size > count) await context.waitForEvent("requestfailed");
      return [...open].map((request) => request.frame().page());
    },
  };
}

/** The process that runs the page's scripts, as the browser's own trace tells it. */
export async function processOf(page) {
  const browser = page.context().browser();
  await browser.startTracing(page, {
    categories: ["-*", "disabled-by-default-devtools.timeline"],
  });
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const start = traceEvents.find(({ name }) => name === "TracingStartedInBrowser");
  return start.args.data.frames[0].processId;
}

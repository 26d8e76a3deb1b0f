/** Tracks the event streams of a browser's tabs, and finds the tabs' processes. */

const isStream = (request) => new URL(request.url()).pathname === "/v1/events";

/** Tracks which tabs have an open stream. */
export function watchStreams(context) {
  const open = new Set();
  context.on("request", (request) => {
    if (!isStream(request)) return;
    open.add(request);
    // Closing a tab does not emit events for its requests.
    request
      .frame()
      .page()
      .once("close", () => open.delete(request));
  });
  for (const end of ["requestfailed", "requestfinished"])
    context.on(end, (request) => open.delete(request));
  return {
    /** Waits until at most `count` streams are open. Returns their tabs, oldest stream first. */
    holders: async (count) => {
      while (open.size > count) await context.waitForEvent("requestfailed");
      return [...open].map((request) => request.frame().page());
    },
  };
}

/** Returns the ID of the page's renderer process, which is read from a trace. */
export async function processOf(page) {
  const browser = page.context().browser();
  await browser.startTracing(page, {
    categories: ["-*", "disabled-by-default-devtools.timeline"],
  });
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const start = traceEvents.find(({ name }) => name === "TracingStartedInBrowser");
  return start.args.data.frames[0].processId;
}

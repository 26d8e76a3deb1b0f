/** Downloads files through the browser. */

/**
 * Starts the download of a file from the server. The browser sends the cookie, shows the progress,
 * and names the file as the server does. It does not report why a download has failed, so `check`
 * runs first: a request that fails for the same reasons. Rejects if `check` does.
 */
export async function download(path: string, check: () => Promise<unknown>): Promise<void> {
  await check();
  const link = document.createElement("a");
  link.href = path;
  link.download = "";
  document.body.append(link);
  link.click();
  link.remove();
}

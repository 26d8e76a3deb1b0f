/** Downloads files through the browser. */

/** How long the browser may take to start reading a saved text, in milliseconds. */
const REVOKE_MS = 60_000;

/**
 * Starts the download of a file from the server. The browser sends the cookie, shows the progress,
 * and names the file as the server does. It does not report why a download has failed, so `check`
 * runs first: a request that fails for the same reasons. Rejects if `check` does.
 */
export async function download(path: string, check: () => Promise<unknown>): Promise<void> {
  await check();
  click(path, "");
}

/** Saves text as a file with this name. */
export function saveText(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  click(address, name);
  // The browser reads the text after the click.
  setTimeout(() => URL.revokeObjectURL(address), REVOKE_MS);
}

/** Downloads the file at an address. An empty name leaves it to the server. */
function click(address: string, name: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

/** Returns the ID of the session that the page's address refers to, or null. */
export function openSessionId(): string | null {
  return /^\/chat\/([^/]+)$/.exec(window.location.pathname)?.[1] ?? null;
}

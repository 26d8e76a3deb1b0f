/**
 * Registers the service worker once the page has loaded, so that the download of its files does not
 * delay the page. Browsers support service workers only in secure contexts. Without one, the page
 * works, but cannot be opened offline.
 */
export function registerServiceWorker(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const register = () =>
    navigator.serviceWorker.register("/service-worker.js", { updateViaCache: "none" }).catch(() => {
      // The browser blocks storage, or the server is being updated. The next visit tries again.
    });
  if (document.readyState === "complete") void register();
  else window.addEventListener("load", register, { once: true });
}

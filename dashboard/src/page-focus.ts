import { type ReadonlyObservable, useObservable } from "./observable";

const pageFocus: ReadonlyObservable<boolean> = {
  get: () => document.visibilityState === "visible" && document.hasFocus(),
  subscribe(listener) {
    window.addEventListener("focus", listener);
    window.addEventListener("blur", listener);
    document.addEventListener("visibilitychange", listener);
    return () => {
      window.removeEventListener("focus", listener);
      window.removeEventListener("blur", listener);
      document.removeEventListener("visibilitychange", listener);
    };
  },
};

/** Returns whether the page is visible and has the focus. */
export function usePageFocus(): boolean {
  return useObservable(pageFocus);
}

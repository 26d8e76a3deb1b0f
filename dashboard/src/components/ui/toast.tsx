/** Toasts: short messages about the result of an action. A toast can offer one follow-up action. */
import { useEffect } from "react";
import { createObservable, useObservable } from "@/observable";
import { TextButton } from "./button";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly action?: { label: string; run: () => unknown };
}

const current = createObservable<Toast | null>(null);
let lastId = 0;

/** Shows a toast for a few seconds. Replaces any other toast. */
export function notify(text: string, action?: Toast["action"]): void {
  lastId += 1;
  current.set({ id: lastId, text, ...(action ? { action } : {}) });
}

const SHOWN_MS = 6000;

/**
 * Shows toasts where they do not cover the composer: over the bottom of the chat list, or below the
 * header if the list is hidden, as on a phone.
 */
export function Toaster(props: { isListHidden: boolean }) {
  const toast = useObservable(current);
  useEffect(() => {
    if (!toast) return;
    const timer = setTimeout(() => current.set(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [toast]);

  return (
    <div
      role="status"
      className={`pointer-events-none fixed inset-x-4 top-[calc(env(safe-area-inset-top)+64px)] z-20 flex justify-center ${props.isListHidden ? "" : "md:inset-x-auto md:start-4 md:top-auto md:bottom-4 md:w-[calc(min(var(--sidebar-width,288px),50vw)-32px)] md:justify-start lg:w-[calc(min(var(--sidebar-width,320px),50vw)-32px)]"}`}
    >
      {toast && (
        <div
          key={toast.id}
          className="pointer-events-auto flex max-w-full animate-rise items-center gap-4 rounded-[14px] border border-line bg-surface px-4 py-2.5 text-note shadow-high"
        >
          <span>{toast.text}</span>
          {toast.action && (
            <TextButton
              onClick={() => {
                toast.action?.run();
                current.set(null);
              }}
            >
              {toast.action.label}
            </TextButton>
          )}
        </div>
      )}
    </div>
  );
}

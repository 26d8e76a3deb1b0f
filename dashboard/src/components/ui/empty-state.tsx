import type { ReactNode } from "react";

/** A placeholder for content that is empty, was not found, or failed to load. */
export function EmptyState(props: {
  icon: ReactNode;
  title: string;
  hint?: string;
  children?: ReactNode;
}) {
  return (
    <div className="flex h-full min-h-48 flex-col items-center justify-center gap-1 px-6 py-8 text-center">
      <span className="mb-3 grid size-12 place-items-center rounded-2xl bg-hover text-ink-3">
        {props.icon}
      </span>
      <p className="max-w-full text-balance font-[600] [overflow-wrap:anywhere]">{props.title}</p>
      {props.hint && <p className="max-w-80 text-ink-2 text-note">{props.hint}</p>}
      {props.children && (
        <div className="mt-4 flex flex-col items-center gap-2">{props.children}</div>
      )}
    </div>
  );
}
